//! One HTML file for people: who gets in, what can go, what was not read and what changed on its first screen, then a map,
//! lists with filters, and every detail.
//!
//! The file needs no network and may use none: its policy allows the one style and the one script whose digests it
//! names, and nothing else. The first screen is markup of ours with escaped texts; everything below is built by the
//! script from data, which it only ever makes text of.

mod answers;
mod data;
mod sink;

use std::{
    fmt::{self, Display},
    io::{self, Write},
};

use data_encoding::BASE64;
use sha2::{Digest as _, Sha256};

use super::{
    Background, escape,
    v1::{Document, time},
    verdict,
};
use crate::findings::RunVerdict;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Findings and endpoints from which on the data are compressed: below, a person may read them in the file.
const PLAIN: usize = 4_000;

/// Writes the page.
pub(super) fn write(document: &Document<'_>, background: &Background, out: &mut dyn Write) -> io::Result<()> {
    write_head(document, out)?;
    answers::write(document, background, out)?;
    out.write_all(REST.as_bytes())?;
    if document.findings.len() + document.endpoints.len() > PLAIN {
        out.write_all(b"<script id=\"data\" type=\"application/gzip\">")?;
        let mut packed = sink::Packed::new(&mut *out);
        data::write(document, background, &mut packed)?;
        packed.finish()?;
    } else {
        out.write_all(b"<script id=\"data\" type=\"application/x-ndjson\">\n")?;
        data::write(document, background, &mut sink::Unmarked::new(&mut *out))?;
    }
    write!(out, "</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n")
}

fn write_head(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let (word, zh, class) = match document.verdict {
        RunVerdict::Fail => ("FAIL", "不通过", "fail"),
        RunVerdict::Unknown => ("UNKNOWN", "未知", "unknown"),
        RunVerdict::Pass => ("PASS", "通过", "pass"),
    };
    let run = &document.run;
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src '{}'; script-src '{}'; \
         img-src data:; base-uri 'none'; form-action 'none'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"generator\" content=\"portcullis {}\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<title>{word} · Portcullis · {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#lists\" data-zh=\"跳到列表\">Skip to the lists</a>\n\
         <header class=\"top\"><div class=\"wrap\">\n<h1 class=\"brand\">Portcullis</h1>\n\
         <span class=\"verdict {class}\" data-zh=\"{zh}\">{word}</span>\n<p class=\"lead\" data-zh=\"{}\">{}</p>\n\
         <div class=\"tools\"><button type=\"button\" id=\"language\" title=\"Language\" data-title-zh=\"语言\">中文</button>\
         <button type=\"button\" id=\"theme\" title=\"Colours\" data-title-zh=\"配色\">Auto</button></div>\n</div></header>\n\
         <main class=\"wrap\">\n<p class=\"facts\">",
        digest(STYLE),
        digest(SCRIPT),
        Safe(&run.tool_version),
        time(&run.started_at),
        Safe(&verdict::sentence_zh(document)),
        Safe(&verdict::sentence(document)),
    )?;
    for caller in &run.caller {
        write!(out, "<span>{} · {}</span>", Safe(&caller.account_id), Safe(&escape::capped(&caller.arn, 120)))?;
    }
    writeln!(
        out,
        "<span>{}</span><span class=\"mono\">{}</span><span>portcullis {}</span></p>",
        time(&run.started_at),
        Safe(&run.id),
        Safe(&run.tool_version)
    )
}

/// `sha256-…`, as a content security policy names a script.
fn digest(text: &str) -> String {
    format!("sha256-{}", BASE64.encode(&Sha256::digest(text.as_bytes())))
}

/// Text that cannot become markup, and shows what it would have a reader not see.
struct Safe<'a>(&'a str);

impl Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in escape::message(self.0).chars() {
            match c {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// What the script fills.
const REST: &str = r#"<p id="loading" class="facts" hidden data-zh="正在读取本页数据…">Reading the data of this page…</p>
<noscript><p class="card" data-zh="">Maps, lists and details need the script of this file. The same data are in the other formats: portcullis report -o json</p></noscript>
<div id="rest" hidden>
<section class="panel"><h2 data-zh="暴露地图">Map of the exposure</h2>
<p class="hint" data-zh="来源经过弹性公网 IP、负载均衡与访问控制、安全组到达控制面；下方是使用者的私网路径。">From the internet over the EIP, the balancer with its access control and the security groups to the control plane; below, the private paths of those who use it.</p>
<div id="map"></div></section>
<section class="panel" id="lists" tabindex="-1"><h2 data-zh="列表">Lists</h2>
<div class="tabs" role="tablist" aria-label="Lists"><button type="button" role="tab" id="tab-findings" aria-controls="listpanel"></button><button type="button" role="tab" id="tab-endpoints" aria-controls="listpanel"></button></div>
<div id="listpanel" role="tabpanel"><div class="bar" id="bar"></div>
<div class="grid findings" id="grid"><div class="view" id="view" role="grid" tabindex="0"><div class="head" role="row" id="head"></div><div class="space" id="space" role="rowgroup"></div><p class="none" id="nothing" hidden></p></div></div></div></section>
<section class="panel"><h2 data-zh="历次运行">Runs over time</h2><div id="trend"></div></section>
<section class="panel"><h2 data-zh="未能读取的内容">What was not read</h2><div id="gaps"></div></section>
</div>
<footer data-zh="本文件自成一体，不访问网络。未能读取的内容一律视为未知，绝不视为安全。">This file stands by itself and uses no network. What could not be read is unknown, never clean.</footer>
<p id="untranslated" class="facts"></p>
</main>
<div id="printed" class="wrap"></div>
<dialog id="detail" aria-labelledby="detail-title"><div class="detail" tabindex="0"></div></dialog>
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup_and_hides_nothing() {
        assert_eq!(Safe("<b onclick='x'>&\"\u{202e}").to_string(), r"&lt;b onclick=&#39;x&#39;&gt;&amp;&quot;\u{202e}");
    }

    #[test]
    fn the_script_cannot_end_its_element_and_parses_no_markup() {
        for forbidden in ["</script", "<!--", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("]
        {
            assert!(!SCRIPT.contains(forbidden), "{forbidden} in page.js");
        }
        assert!(!STYLE.contains("</style") && !STYLE.contains("url(") && !STYLE.contains("@import"));
    }
}
