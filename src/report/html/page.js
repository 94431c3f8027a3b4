// The report's page: everything that is shown is made of nodes and texts, never of markup, so that no name
// of the cloud can become one. No network, no storage that the page could not do without.
"use strict";
(() => {
  const WORDS = {
    en: {
      findings: "Findings", endpoints: "Control planes", search: "Search", all: "all", severity: "Severity", status: "Status", rule: "Rule",
      account: "Account", region: "Region", kind: "Kind", access: "Access", note: "Note", need: "Public path", change: "Change", shown: (n, m) => `${n} of ${m}`, nothing: "Nothing matches these filters.", nofindings: "There are no findings.", noendpoints: "No control plane was found: there was nothing to judge.",
      clear: "Clear filters", subject: "About", what: "What", close: "Close", name: "Name", exposure: "Exposure", opens: "Open details",
      critical: "critical", high: "high", medium: "medium", low: "low", info: "info", open: "open", waived: "waived", unknown: "unknown",
      "v-open": "open to untrusted", "v-unverified": "unverified gate only", "v-private-only": "private sources only", "v-restricted": "trusted only", "v-unknown": "unknown",
      exposed: "exposed", private: "private", required: "needed", stale: "no longer needed", orphaned: "nobody left to need it", "not-exposed": "not exposed", neednotknown: "need unknown",
      "g-denied": "denied", "g-failed": "failed", "g-excluded": "left out", "g-not-served": "not served",
      "c-new": "new", "c-reopened": "reopened", "c-worse": "worse", "c-fixed": "fixed", "c-unknown": "not known", "c-unchanged": "unchanged", "c-gone": "gone",
      internet: "Internet", whole: "the whole internet", nobody: "nobody untrusted", atmost: "at most", unreadhop: "not read", ranges: (n) => `${n} ranges`, ofspace: (share, family) => `${share} of ${family}`, moreports: (n) => `+${n} more ${n === 1 ? "port" : "ports"}`, moreconsumers: (n) => `+${n} more ${n === 1 ? "consumer" : "consumers"}`, eip: "EIP", publicaddress: "Public address", balancer: "Load balancer", 
      "clb-acl": "Listener ACL", "nlb-security-groups": "NLB security groups", "mesh-security-group": "Mesh security group", "cluster-security-group": "Cluster security group",
      enforced: "enforced", unverified: "not documented to filter", ineffective: "does not filter", plane: "Control plane", nogate: "no gate", admits: "admits",
      connected: "connected", blocked: "blocked", partial: "partial", "same-vpc": "same VPC", route: "by routes", "private-link": "PrivateLink",
      needed: "needs the public path", "not-needed": "does not need the public path", misrouted: "uses it although a private path exists", gone: "gone", undetermined: "undetermined", unexpected: "no known consumer",
      there: "There", back: "Back", breaks: "Breaks at", mend: "Would mend it", confidence: "confidence", notknown: "Not known", remark: "Remark",
      who: "Who may enter", addresses: "addresses", admitted: "admitted and trusted", untrusted: "admitted and not trusted", maybe: "may get in", maybenote: "not everything that filters was read", unverifiednote: "unless a gate filters that is not documented to", blame: "Let in by", fix: "Rule to delete", fixes: "Rules to delete, all of them", fixleft: "Then only a gate is left that is not documented to filter.", andmore: (n) => `and ${n} more`,
      witness: "An example", gates: "Gates", remedy: "Remedy", why: "Why it matters", refs: "References", controls: "Controls", first: "First seen", waiver: "Waiver", owner: "Owner", reason: "Reason", ticket: "Ticket", until: "until",
      stalewords: "Is the public path needed?", consumers: "Consumers", clients: "Unexpected clients", silent: "Not in the logs", deciding: "What would decide it", proposal: "Smallest allowlist that still serves those who need it", incomplete: "may miss addresses", commands: "Commands (nothing here runs them)", vendor: "The vendor sees it otherwise",
      signs: "Public signs", contradictions: "Contradictions", protected: "Protected by tag", boundby: "Bound by", related: "Findings about it", gapsabout: "Not read about it", address: "Address", id: "Id", fingerprint: "Fingerprint", concerns: "Concerns", logs: "Incomplete logs",
      nolane: "No control plane is exposed.", nolaneread: "None of the control planes that were read is exposed. Not everything could be read: there may be more.", more: (n) => `Show ${n} more`, moreprint: (n) => `${n} more are in the file itself.`,
      operation: "Operation", state: "State", resource: "Resource", code: "Code", message: "Message", nogaps: "Everything that was planned was read.",
      lists: "Lists", opened: "open to untrusted", exposedline: "exposed", unknownline: "unknown", one: "One run so far: the next one starts the line.", trendtable: "The same as a table", run: "Run", verdict: "Verdict", time: "Time",
      fail: "FAIL", pass: "PASS", grid: (c) => `One square is one /8 of the IPv4 space${c ? `; ${c}` : ""}`, none: "none", back2: "Back", facts: "Reasons, notes and messages of findings are in English.", probed: "Requests without a user came from the internet", loading: "Reading the data of this page…", failed: "The data of this page could not be read.",
      baselined: "known to the baseline", dark: "Dark", light: "Light", auto: "Auto"
    },
    zh: {
      findings: "发现", endpoints: "控制面", search: "搜索", all: "全部", severity: "严重程度", status: "状态", rule: "规则",
      account: "账号", region: "地域", kind: "类型", access: "可达性", note: "说明", need: "公网路径", change: "变化", shown: (n, m) => `${n} / ${m}`, nothing: "没有符合筛选条件的内容。", nofindings: "没有发现。", noendpoints: "没有找到控制面：没有可供判定的对象。",
      clear: "清除筛选", subject: "对象", what: "内容", close: "关闭", name: "名称", exposure: "暴露", opens: "查看详情",
      critical: "紧急", high: "高", medium: "中", low: "低", info: "提示", open: "未处理", waived: "已豁免", unknown: "未知",
      "v-open": "对不可信来源开放", "v-unverified": "仅有未证实的防线", "v-private-only": "仅私网来源", "v-restricted": "仅可信来源", "v-unknown": "未知",
      exposed: "已暴露", private: "私网", required: "仍需要", stale: "已无必要", orphaned: "无人使用", "not-exposed": "未暴露", neednotknown: "是否需要未知",
      "g-denied": "被拒绝", "g-failed": "失败", "g-excluded": "按要求略过", "g-not-served": "不提供",
      "cluster-api-server": "集群 API Server", "mesh-api-server": "网格 API Server", "istio-pilot": "Istio Pilot", "istio-pilot-canary": "Istio Pilot（金丝雀）", mesh: "网格", cluster: "集群", "load-balancer": "负载均衡", "security-group": "安全组", acl: "访问控制列表", waiver: "豁免", scope: "范围",
      "c-new": "新增", "c-reopened": "重新出现", "c-worse": "加重", "c-fixed": "已修复", "c-unknown": "未知", "c-unchanged": "未变", "c-gone": "已消失",
      internet: "互联网", whole: "整个互联网", nobody: "没有不可信来源", atmost: "最多", unreadhop: "未读取", ranges: (n) => `${n} 个网段`, ofspace: (share, family) => `${family} 的 ${share}`, moreports: (n) => `另有 ${n} 个端口`, moreconsumers: (n) => `另有 ${n} 个使用者`, eip: "弹性公网 IP", publicaddress: "公网地址", balancer: "负载均衡", 
      "clb-acl": "监听访问控制", "nlb-security-groups": "NLB 安全组", "mesh-security-group": "网格安全组", "cluster-security-group": "集群安全组",
      enforced: "生效", unverified: "未证实会过滤", ineffective: "不起过滤作用", plane: "控制面", nogate: "没有防线", admits: "放行",
      connected: "连通", blocked: "不通", partial: "部分连通", "same-vpc": "同一 VPC", route: "经路由", "private-link": "PrivateLink",
      needed: "需要公网路径", "not-needed": "不需要公网路径", misrouted: "有私网路径却仍走公网", gone: "已不存在", undetermined: "无法判定", unexpected: "不是已知使用者",
      there: "去程", back: "回程", breaks: "中断处", mend: "可以这样接通", confidence: "置信度", notknown: "未知", remark: "备注",
      who: "谁可以进入", addresses: "个地址", admitted: "放行且可信", untrusted: "放行但不可信", maybe: "可能进入", maybenote: "起过滤作用的内容未全部读取", unverifiednote: "除非未证实会过滤的防线起作用", blame: "由以下规则放行", fix: "应删除的规则", fixes: "应全部删除的规则", fixleft: "删除后只剩下一道未证实会过滤的防线。", andmore: (n) => `另有 ${n} 条`,
      witness: "例如", gates: "防线", remedy: "处理办法", why: "为何重要", refs: "参考", controls: "合规条款", first: "首次发现", waiver: "豁免", owner: "负责人", reason: "原因", ticket: "工单", until: "有效期至",
      stalewords: "公网路径还需要吗？", consumers: "使用者", clients: "意外的客户端", silent: "日志中未出现", deciding: "读取以下内容即可判定", proposal: "仍能满足使用者的最小白名单", incomplete: "可能缺少地址", commands: "命令（本页不会执行）", vendor: "平台的看法不同",
      signs: "公网迹象", contradictions: "矛盾之处", protected: "标签保护", boundby: "绑定者", related: "相关发现", gapsabout: "未能读取", address: "地址", id: "标识", fingerprint: "指纹", concerns: "涉及", logs: "不完整的日志",
      nolane: "没有暴露的控制面。", nolaneread: "已读取的控制面均未暴露；但有内容未能读取，可能还有更多。", lists: "列表", more: (n) => `再显示 ${n} 个`, moreprint: (n) => `文件中还有 ${n} 项。`,
      operation: "操作", state: "结果", resource: "资源", code: "错误码", message: "信息", nogaps: "计划读取的内容已全部读取。",
      opened: "对不可信来源开放", exposedline: "已暴露", unknownline: "未知", one: "目前只有一次运行，下一次运行后显示趋势。", trendtable: "以表格显示", run: "运行", verdict: "结论", time: "时间",
      fail: "不通过", pass: "通过", grid: (c) => `每个方格是 IPv4 空间的一个 /8${c ? `；${c}` : ""}`, none: "无", back2: "返回", facts: "原因、备注和发现的说明为英文原文。", probed: "有来自互联网的未认证请求", loading: "正在读取本页数据…", failed: "无法读取本页数据。",
      baselined: "基线中已有", dark: "深色", light: "浅色", auto: "自动"
    }
  };
  const SEVERITIES = ["critical", "high", "medium", "low", "info"];
  const ROW = 44;
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  let language = (navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en";
  const t = (key, ...rest) => {
    const word = WORDS[language][key] ?? WORDS.en[key];
    return typeof word === "function" ? word(...rest) : word ?? key;
  };

  /** A node; properties are set, never parsed. */
  function el(tag, properties, ...children) {
    const node = document.createElement(tag);
    return fill(node, properties, children);
  }
  function svg(tag, properties, ...children) {
    return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
  }
  /** What a reader would not see, or would see turned around, is shown as what it is. */
  const visible = (text) => text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0]/gu, (c) => (c === "\n" ? c : `\\u{${c.codePointAt(0).toString(16)}}`));
  function fill(node, properties, children) {
    for (const [key, value] of Object.entries(properties || {})) {
      if (value === undefined || value === null || value === false) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else node.setAttribute(key, value === true ? "" : key === "value" ? String(value) : visible(String(value)));
    }
    for (const child of children.flat(Infinity)) {
      if (child !== undefined && child !== null && child !== false) node.append(child instanceof Node ? child : visible(String(child)));
    }
    return node;
  }
  const tag = (word, style) => el("span", { class: `tag ${style || ""}` }, word);
  const mono = (text) => el("span", { class: "mono" }, text);
  const only = (text) => (/^[a-z][a-z0-9-]*$/.test(text) ? text : "");

  // ---- data ------------------------------------------------------------------------------------------------

  const data = { head: {}, endpoints: [], findings: [], gaps: [], place: new Map() };

  async function dataText() {
    const holder = byId("data");
    if (holder.type !== "application/gzip") return holder.textContent;
    const packed = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }

  function readData(text) {
    let from = 0;
    while (from < text.length) {
      let end = text.indexOf("\n", from);
      if (end < 0) end = text.length;
      const line = text.slice(from, end);
      from = end + 1;
      if (!line.trim()) continue;
      const [what, value] = JSON.parse(line);
      if (what === "h") data.head = value;
      else if (what === "e") {
        data.place.set(value.endpoint.id, data.endpoints.length);
        data.endpoints.push(value);
      } else if (what === "f") data.findings.push(finding(value));
      else data.gaps.push(value);
    }
  }

  function finding(row) {
    const [fingerprint, rule, severity, status, endpoint, account, region, kind, resource, name, message, remedy, references, controls, first, waiver, baselined, concerns, change] = row;
    return { fingerprint, rule, severity, status, endpoint, account, region, kind, resource, name, message, remedy, references, controls, first, waiver, baselined, concerns, change };
  }
  const ruleOf = (it) => data.head.rules[it.rule] || { id: "" };
  const ruleTitle = (rule) => (language === "zh" && rule.zh ? rule.zh.title : rule.title) || rule.id;
  const remedyOf = (it) => (it.remedy < 0 ? "" : data.head.texts[it.remedy]);

  // ---- address arithmetic, for pictures only -----------------------------------------------------------------

  function range4(block) {
    const [address, bits] = block.split("/");
    if (address.includes(":")) return null;
    const start = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    return [start, start + 2 ** (32 - Number(bits))];
  }
  const ranges4 = (blocks) => blocks.map(range4).filter(Boolean).sort((a, b) => a[0] - b[0]);
  function intersect(a, b) {
    const out = [];
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      const from = Math.max(a[i][0], b[j][0]);
      const to = Math.min(a[i][1], b[j][1]);
      if (from < to) out.push([from, to]);
      if (a[i][1] < b[j][1]) i++;
      else j++;
    }
    return out;
  }
  function subtract(a, b) {
    const out = [];
    let j = 0;
    for (let [from, to] of a) {
      while (j < b.length && b[j][1] <= from) j++;
      for (let k = j; k < b.length && b[k][0] < to; k++) {
        if (b[k][0] > from) out.push([from, b[k][0]]);
        from = Math.max(from, b[k][1]);
      }
      if (from < to) out.push([from, to]);
    }
    return out;
  }
  const total = (ranges) => ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  const counted = (n) => new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en").format(n);

  /** What a port's enforced gates admit, and of it what is not trusted. */
  function entry4(row) {
    let admitted = [[0, 2 ** 32]];
    for (const gate of row.gates) if (gate.enforcement === "enforced") admitted = intersect(admitted, ranges4(gate.admits));
    const enter = ranges4(row.untrusted);
    return { enter, trusted: subtract(admitted, enter) };
  }
  /** From and behind the last address of a block, whatever its family. */
  function range(block) {
    if (!block.includes(":")) return range4(block).map(BigInt);
    const [address, bits] = block.split("/");
    const [left, right] = address.split("::");
    const parts = (text) => (text ? text.split(":").flatMap((part) => (part.includes(".") ? [part.split(".").slice(0, 2), part.split(".").slice(2)].map(([a, b]) => (Number(a) * 256 + Number(b)).toString(16)) : [part])) : []);
    const [head, tail] = [parts(left), parts(right)];
    const groups = right === undefined ? head : [...head, ...Array(Math.max(0, 8 - head.length - tail.length)).fill("0"), ...tail];
    const start = groups.reduce((sum, part) => (sum << 16n) + BigInt(`0x${part}`), 0n);
    return [start, start + (1n << BigInt(128 - Number(bits)))];
  }
  /** True if some address is in both lists; both are of one family. */
  function meet(some, others) {
    const ranges = others.map(range);
    return some.map(range).some(([from, to]) => ranges.some(([start, end]) => from < end && start < to));
  }
  /** How much of its family's space the blocks hold, where that is worth saying. */
  function portion(blocks) {
    const bits = blocks[0]?.includes(":") ? 128 : 32;
    const part = blocks.reduce((sum, block) => sum + 2 ** -Number(block.split("/")[1]), 0);
    if (part >= 1) return t("whole");
    return part >= 0.01 ? t("ofspace", `${(Math.floor(part * 1000) / 10).toFixed(1)}%`, bits === 128 ? "IPv6" : "IPv4") : "";
  }
  const few = (blocks) => portion(blocks) || (blocks.length <= 2 ? blocks.join(", ") : `${blocks[0]} +${blocks.length - 1}`);
  function whoIn(row) {
    // The range of the witness first: it is on the internet, where others may be private.
    const at = row.witness ? `${row.witness}/${row.witness.includes(":") ? 128 : 32}` : "";
    const holds = (block) => at && meet([block], [at]);
    const blocks = [...row.untrusted.filter(holds), ...row.untrusted.filter((block) => !holds(block))];
    if (!blocks.length) return row.complete ? t("nobody") : t("v-unknown");
    return row.complete ? few(blocks) : `${t("atmost")} ${few(blocks)}`;
  }

  const verdictStyle = { open: "bad", unverified: "doubt", unknown: "doubt", "private-only": "good", restricted: "good" };
  const needStyle = { required: "", stale: "bad", orphaned: "bad", unknown: "doubt", "not-exposed": "good" };
  const pathStyle = { connected: "good", blocked: "bad", partial: "doubt", unknown: "doubt" };
  const order = ["open", "unknown", "unverified", "private-only", "restricted"];
  const worstPort = (endpoint) => order.find((word) => endpoint.access.some((row) => row.verdict === word)) || (endpoint.exposure === "private" ? "private" : endpoint.exposure === "unknown" ? "unknown" : "");

  const needWord = (need) => t(need === "unknown" ? "neednotknown" : need);
  const needTag = (need) => (need === "not-exposed" ? tag(t(need), "good") : tag(`${t("need")}: ${needWord(need)}`, needStyle[need]));

  // ---- pictures ------------------------------------------------------------------------------------------------

  function hop(what, text, style, more) {
    return el("span", { class: `hop ${style || ""}` }, el("span", { class: "what" }, what), text && mono(text), more && el("span", { class: "what" }, more));
  }
  const arrow = () => el("span", { class: "arrow", "aria-hidden": "true" }, "→");

  /** A gate is bad where it lets in what is not trusted, and in doubt where not all of it was read. */
  function gateHop(gate, row) {
    // What is private, and not trusted, does not come from the internet.
    const lets = row.verdict !== "private-only" && meet(gate.admits, row.untrusted);
    const style = gate.enforcement === "unverified" ? "doubt" : gate.enforcement !== "enforced" ? "off" : !row.complete ? "doubt" : lets ? "bad" : "good";
    const admits = gate.admits.length ? portion(gate.admits) || (gate.admits.length > 2 ? t("ranges", gate.admits.length) : gate.admits.join(", ")) : t("none");
    const bound = style === "doubt" && gate.enforcement === "enforced" ? `${t("atmost")} ` : "";
    return hop(`${t(gate.kind)} · ${t(gate.enforcement)}`, gate.id, style, `${t("admits")}: ${bound}${admits}`);
  }

  const worstFirst = (rows) => [...rows].sort((a, b) => order.indexOf(a.verdict) - order.indexOf(b.verdict));
  const portWord = (row) => `${row.protocol}/${row.port} · ${row.family === "ipv6" ? "IPv6" : "IPv4"}`;

  /** Internet → EIP → balancer and ACL → security groups → control plane. */
  function lane(story, withPorts) {
    const { endpoint } = story;
    const all = worstFirst(endpoint.access), rows = withPorts ? all : all.slice(0, 1);
    const isKnown = endpoint.exposure !== "unknown";
    const chains = (rows.length ? rows : [null]).map((row) => {
      const parts = [hop(t("internet"), row ? whoIn(row) : t("unknown"), row ? verdictStyle[row.verdict] : "doubt")];
      // An EIP is an IPv4 address: what comes over IPv6 reaches the balancer without one.
      if ((endpoint.public_address || endpoint.eip_id) && (!row || row.family === "ipv4")) parts.push(arrow(), hop(t(endpoint.eip_id ? "eip" : "publicaddress"), endpoint.public_address || endpoint.eip_id, "", endpoint.public_address ? endpoint.eip_id : ""));
      else if (!isKnown) parts.push(arrow(), hop(t("eip"), t("unreadhop"), "doubt"));
      if (endpoint.load_balancer_id || row) parts.push(arrow(), hop(`${t("balancer")}${row ? ` · ${portWord(row)}` : ""}`, endpoint.load_balancer_id || t("unreadhop"), endpoint.load_balancer_id ? "" : "doubt"));
      if (row && !row.gates.length) parts.push(arrow(), row.complete ? hop(t("nogate"), "", "bad") : hop(t("gates"), t("unreadhop"), "doubt"));
      if (!row && endpoint.exposure !== "private") parts.push(arrow(), hop(t("gates"), t("unreadhop"), "doubt"));
      for (const gate of row ? row.gates : []) parts.push(arrow(), gateHop(gate, row));
      parts.push(arrow(), hop(t("plane"), endpoint.resource_name || endpoint.resource_id, "", t(endpoint.kind)));
      return el("div", { class: "chain" }, parts);
    });
    return all.length > rows.length && rows.length ? [chains, el("button", { type: "button", class: "further", onclick: () => openEndpoint(endpoint.id) }, t("moreports", all.length - rows.length))] : chains;
  }

  function consumerHops(consumer, reasons) {
    const parts = [hop(t(consumer.kind), consumer.name || consumer.id, "", t(consumer.need))];
    for (const text of consumer.forward.slice(0, 8)) parts.push(arrow(), hop("", text, ""));
    if (consumer.forward.length > 8) parts.push(arrow(), hop("", `+${consumer.forward.length - 8}`, ""));
    // Where the path ends, and not only how it begins.
    if (consumer.connectivity !== "connected") for (const reason of consumer.reasons.slice(0, 2)) parts.push(arrow(), hop(t(consumer.connectivity === "unknown" ? "notknown" : "breaks"), "", pathStyle[consumer.connectivity], reasons.get(reason) || reason));
    return el("div", { class: `private ${pathStyle[consumer.connectivity]}` },
      el("div", {}, tag(t(consumer.connectivity), pathStyle[consumer.connectivity]), " ", consumer.via ? t(consumer.via) : ""),
      el("div", { class: "chain" }, parts));
  }

  /** Those who need the public path first: whoever would lose it must be seen. */
  const NEEDS = ["needed", "misrouted", "undetermined", "unexpected", "not-needed", "gone"];
  const meanings = (story) => new Map(story.reasons.map((reason) => [reason.reason, reason.meaning]));
  function consumersOf(story, most) {
    const { endpoint } = story, reasons = meanings(story);
    const sorted = [...endpoint.staleness.consumers].sort((a, b) => NEEDS.indexOf(a.need) - NEEDS.indexOf(b.need));
    const rest = sorted.length - most;
    return [sorted.slice(0, most).map((consumer) => consumerHops(consumer, reasons)), rest > 0 ? el("button", { type: "button", class: "further", onclick: () => openEndpoint(endpoint.id) }, t("moreconsumers", rest)) : null];
  }

  /** One of which it is not known whether it is exposed has its lane too: it may be. */
  function onMap() {
    const exposed = data.endpoints.filter((story) => story.endpoint.exposure !== "private");
    return exposed.sort((a, b) => order.indexOf(worstPort(a.endpoint)) - order.indexOf(worstPort(b.endpoint)));
  }
  function mapLane(story) {
    const { endpoint } = story, worst = worstPort(endpoint);
    return el("div", { class: "lane" },
      el("h3", { class: "name" },
        el("button", { type: "button", onclick: () => openEndpoint(endpoint.id) }, endpoint.resource_name || endpoint.resource_id),
        el("span", { class: "facts" }, `${t(endpoint.kind)} · ${endpoint.region_id}`),
        endpoint.exposure === "unknown" ? tag(`${t("exposure")}: ${t("unknown")}`, "doubt") : tag(t(`v-${worst || "unknown"}`), verdictStyle[worst] || "doubt"),
        needTag(endpoint.staleness.verdict)),
      lane(story, false),
      consumersOf(story, 3));
  }
  let drawn = 12;
  function map(limit) {
    const box = byId("map"), exposed = onMap();
    drawn = limit;
    const unread = data.gaps.some((gap) => gap.state === "denied" || gap.state === "failed");
    const none = data.endpoints.length ? (unread ? "nolaneread" : "nolane") : unread ? "nolaneread" : "noendpoints";
    box.replaceChildren(...(exposed.length ? exposed.slice(0, limit).map(mapLane) : [el("p", { class: unread ? "none doubt" : "none" }, t(none))]));
    further(exposed);
  }
  /** A button for the lanes that are not drawn yet; those that are stay, and so does whoever reads them. */
  function further(exposed) {
    const rest = exposed.length - drawn;
    if (rest <= 0) return;
    const button = el("button", { class: "plain", type: "button", onclick: () => {
      const next = exposed.slice(drawn, drawn + 50).map(mapLane);
      drawn += next.length;
      button.replaceWith(...next);
      further(exposed);
      next[0].querySelector("button").focus();
    } }, t("more", Math.min(rest, 50)));
    byId("map").append(button);
  }

  /** The IPv4 space as 16 by 16 squares, one for each /8. */
  function spacePicture(row) {
    const { enter, trusted } = entry4(row);
    // What was not read whole, and what a gate may keep out after all, is drawn apart from what is proven.
    const proven = row.complete && row.verdict !== "unverified";
    const entering = proven ? t("untrusted") : t("maybe");
    const SIDE = 20;
    const picture = svg("svg", { viewBox: `0 0 ${16 * SIDE + 30} ${16 * SIDE + 4}`, role: "img", "aria-label": t("grid", `${entering}: ${counted(total(enter))}; ${t("admitted")}: ${counted(total(trusted))} ${t("addresses")}`) });
    const share = (ranges, cell) => total(intersect(ranges, [[cell * 2 ** 24, (cell + 1) * 2 ** 24]])) / 2 ** 24;
    for (let cell = 0; cell < 256; cell++) {
      const x = 26 + (cell % 16) * SIDE;
      const y = 2 + Math.floor(cell / 16) * SIDE;
      if (cell % 16 === 0) picture.append(svg("text", { x: 22, y: y + 14, "text-anchor": "end" }, String(cell)));
      picture.append(svg("rect", { x, y, width: SIDE - 2, height: SIDE - 2, class: "f-base" }));
      const bad = share(enter, cell);
      const good = share(trusted, cell);
      // What is there at all is seen: a single address takes three units.
      const high = (part) => (part > 0 ? Math.max(3, Math.round(part * (SIDE - 2))) : 0);
      const badHigh = Math.min(high(bad), SIDE - 2 - (good > 0 ? 3 : 0));
      const goodHigh = Math.min(high(good), SIDE - 2 - badHigh);
      const square = svg("g", {}, svg("title", {}, `${cell}.0.0.0/8 · ${entering}: ${counted(Math.round(bad * 2 ** 24))} · ${t("admitted")}: ${counted(Math.round(good * 2 ** 24))}`));
      if (badHigh) square.append(svg("rect", { x, y, width: SIDE - 2, height: badHigh, class: proven ? "f-enter" : "f-maybe" }));
      if (goodHigh) square.append(svg("rect", { x, y: y + SIDE - 2 - goodHigh, width: SIDE - 2, height: goodHigh, class: "f-trust" }));
      picture.append(square);
    }
    return el("figure", { class: "space-fig square" }, picture,
      el("figcaption", { class: "legend" },
        el("span", {}, el("i", { class: proven ? "i-enter" : "i-maybe" }), `${entering} (${counted(total(enter))})${proven ? "" : `: ${t(row.complete ? "unverifiednote" : "maybenote")}`}`),
        el("span", {}, el("i", { class: "i-trust" }), `${t("admitted")} (${counted(total(trusted))})`),
        el("span", {}, t("grid", ""))));
  }

  const moment = (at) => at.replace("T", " ").slice(0, 16);
  function trend() {
    const points = data.head.trend || [];
    const box = byId("trend");
    if (points.length < 2) return box.replaceChildren(el("p", { class: "none" }, t("one")));
    const W = 900, H = 200, L = 40, B = 26;
    const top = Math.max(1, ...points.map((point) => Math.max(point.exposed, point.unknown, point.open)));
    // Run by run: two within a second are two all the same.
    const x = (index) => L + (index / (points.length - 1)) * (W - L - 12);
    const y = (value) => 8 + (1 - value / top) * (H - B - 8);
    const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": [["opened", "open"], ["exposedline", "exposed"], ["unknownline", "unknown"]].map(([word, key]) => `${t(word)}: ${points.map((point) => point[key]).join(", ")}`).join("; ") });
    for (const value of new Set([0, Math.round(top / 2), top])) {
      picture.append(svg("line", { x1: L, x2: W - 12, y1: y(value), y2: y(value), class: "s-line" }), svg("text", { x: L - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)));
    }
    for (const [key, word, style] of [["exposed", "exposedline", "accent"], ["unknown", "unknownline", "doubt"], ["open", "opened", "bad"]]) {
      const path = points.map((point, index) => `${index ? "L" : "M"}${x(index).toFixed(1)} ${y(point[key]).toFixed(1)}`).join("");
      picture.append(svg("path", { d: path, fill: "none", "stroke-width": 2, class: `s-${style}` }));
      points.forEach((point, index) => picture.append(svg("circle", { cx: x(index), cy: y(point[key]), r: 3.5, class: `p-${style}` }, svg("title", {}, `${point.at} · ${t(word)}: ${point[key]}`))));
    }
    picture.append(svg("text", { x: L, y: H - 6 }, moment(points[0].at)), svg("text", { x: W - 12, y: H - 6, "text-anchor": "end" }, moment(points[points.length - 1].at)));
    const legend = el("p", { class: "legend" }, [["opened", "p-bad"], ["exposedline", "p-accent"], ["unknownline", "p-doubt"]].map(([word, style]) =>
      el("span", {}, svg("svg", { width: 12, height: 12, "aria-hidden": "true" }, svg("circle", { cx: 6, cy: 6, r: 5, class: style })), " ", t(word))));
    const rows = points.slice().reverse().map((point) => [point.at, point.id.slice(0, 13), t(point.verdict) || point.verdict, point.open, point.exposed, point.unknown]);
    box.replaceChildren(el("figure", { class: "space-fig" }, picture), legend,
      el("details", {}, el("summary", {}, t("trendtable")), table([t("time"), t("run"), t("verdict"), t("opened"), t("exposedline"), t("unknownline")], rows)));
  }

  function table(header, rows) {
    return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": header.join(", ") }, el("table", { class: "plain-table" },
      el("thead", {}, el("tr", {}, header.map((word) => el("th", { scope: "col" }, word)))),
      el("tbody", {}, rows.map((cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell instanceof Node ? cell : String(cell))))))));
  }

  const gapState = (gap) => t(`g-${gap.state}`);
  function coverage() {
    const rows = data.gaps.slice(0, 500).map((gap) => [tag(gapState(gap), gap.state === "denied" || gap.state === "failed" ? "doubt" : ""), gap.account_id, gap.region_id, `${gap.product}:${gap.operation}`, gap.resource_id, gap.code, gap.message]);
    const header = [t("state"), t("account"), t("region"), t("operation"), t("resource"), t("code"), t("message")];
    byId("gaps").replaceChildren(rows.length ? el("div", { class: "gaps" }, table(header, rows)) : el("p", { class: "none" }, t("nogaps")),
      ...(data.gaps.length > 500 ? [el("p", { class: "facts" }, t("shown", 500, data.gaps.length))] : []));
  }

  // ---- lists -----------------------------------------------------------------------------------------------------

  const lists = {
    findings: {
      rows: () => data.findings,
      columns: ["severity", "status", "rule", "subject", "what"],
      key: { severity: (it) => SEVERITIES.indexOf(it.severity), status: (it) => it.status, rule: (it) => ruleOf(it).id, subject: (it) => `${it.region}/${it.resource}`, what: (it) => it.message },
      text: (it) => `${ruleOf(it).id} ${ruleTitle(ruleOf(it))} ${it.account} ${it.region} ${it.kind} ${it.resource} ${it.name} ${it.message}`,
      filters: { severity: (it) => it.severity, status: (it) => it.status, change: (it) => it.change || "", rule: (it) => ruleOf(it).id, account: (it) => it.account, region: (it) => it.region },
      word: { severity: t, status: t, change: (value) => t(`c-${value}`) },
      cells: (it) => [tag(t(it.severity), only(it.severity)), `${t(it.status)}${it.baselined ? " · " + t("baselined") : ""}${it.change && it.change !== "unchanged" ? " · " + t(`c-${it.change}`) : ""}`, [it.status === "open" ? "" : el("span", { class: "narrow" }, `${t(it.status)} · `), ruleTitle(ruleOf(it))], `${it.name || it.resource} · ${it.region}`, it.message],
      open: (it) => openFinding(it)
    },
    endpoints: {
      rows: () => data.endpoints,
      columns: ["name", "kind", "region", "access", "need"],
      key: { name: (it) => it.endpoint.resource_name || it.endpoint.resource_id, kind: (it) => it.endpoint.kind, region: (it) => it.endpoint.region_id, access: (it) => order.indexOf(worstPort(it.endpoint)) >>> 0, need: (it) => it.endpoint.staleness.verdict },
      text: (it) => `${it.endpoint.id} ${it.endpoint.resource_name} ${it.endpoint.public_address} ${it.endpoint.private_address} ${it.endpoint.eip_id} ${it.endpoint.load_balancer_id}`,
      filters: { exposure: (it) => it.endpoint.exposure, access: (it) => worstPort(it.endpoint), need: (it) => it.endpoint.staleness.verdict, kind: (it) => it.endpoint.kind, account: (it) => it.endpoint.account_id, region: (it) => it.endpoint.region_id },
      word: { exposure: t, need: needWord, kind: t, access: (value) => (value === "private" ? t("private") : t(`v-${value}`)) },
      cells: (it) => {
        const worst = worstPort(it.endpoint);
        return [it.endpoint.resource_name || it.endpoint.resource_id, t(it.endpoint.kind), it.endpoint.region_id, worst && worst !== "private" ? tag(t(`v-${worst}`), verdictStyle[worst]) : tag(t(it.endpoint.exposure), it.endpoint.exposure === "private" ? "good" : "doubt"), tag(needWord(it.endpoint.staleness.verdict), needStyle[it.endpoint.staleness.verdict])];
      },
      open: (it) => openEndpoint(it.endpoint.id)
    }
  };
  let current = "findings";
  const state = {};
  for (const name of Object.keys(lists)) state[name] = { query: "", chosen: {}, sort: null, shown: [], texts: [], last: null, at: -1 };

  // What searches look through: made with the lists, so that the first search waits no longer than the others.
  const haystack = (list) => list.rows().map((row) => list.text(row).toLowerCase());

  function refilter() {
    const list = lists[current], it = state[current], rows = list.rows();
    const words = it.query.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = Object.entries(it.chosen).filter(([, value]) => value !== "");
    const hay = it.texts;
    const has = (index, word) => hay[index].includes(word) || (word.startsWith("v1:") && rows[index].fingerprint?.startsWith(word));
    // Typing on narrows what was found: nothing else can match. What begins like a fingerprint is looked for in those as well.
    const key = JSON.stringify(chosen);
    const narrows = !words.some((word) => word.startsWith("v1:")) && it.last && it.last.key === key && it.last.query && it.query.startsWith(it.last.query);
    const shown = [];
    const look = (index) => {
      if (chosen.every(([filter, value]) => list.filters[filter](rows[index]) === value) && words.every((word) => has(index, word))) shown.push(index);
    };
    if (narrows) it.last.found.forEach(look);
    else for (let index = 0; index < rows.length; index++) look(index);
    it.last = { key, query: it.query, found: shown.slice() };
    if (it.sort) {
      const { key: column, down } = it.sort, read = list.key[column];
      const keys = rows.map(read);
      const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
      shown.sort((a, b) => (down ? -1 : 1) * compare(keys[a], keys[b]) || a - b);
    }
    it.shown = shown;
    it.at = shown.length ? Math.min(Math.max(it.at, 0), shown.length - 1) : -1;
    byId("count").textContent = t("shown", counted(shown.length), counted(rows.length));
    const view = byId("view");
    view.scrollTop = 0;
    draw();
  }

  function draw() {
    const list = lists[current], it = state[current], view = byId("view"), space = byId("space");
    space.style.height = `${it.shown.length * ROW}px`;
    view.setAttribute("aria-rowcount", String(it.shown.length + 1));
    const from = Math.max(0, Math.floor(view.scrollTop / ROW) - 4);
    const to = Math.min(it.shown.length, from + Math.ceil(view.clientHeight / ROW) + 9);
    const nodes = [];
    for (let at = from; at < to; at++) {
      const row = list.rows()[it.shown[at]];
      const cells = list.cells(row).map((cell) => el("span", { class: "cell", role: "gridcell" }, cell));
      const node = el("div", { class: "row", role: "row", id: `row-${at}`, "aria-rowindex": at + 2, "aria-selected": String(at === it.at), onclick: () => { it.at = at; draw(); list.open(row); } }, cells);
      node.style.top = `${at * ROW}px`;
      nodes.push(node);
    }
    space.replaceChildren(...nodes);
    byId("nothing").hidden = it.shown.length > 0;
    byId("nothing").textContent = t(list.rows().length ? "nothing" : `no${current}`);
    view.style.height = `${Math.min(480, Math.max(it.shown.length, 2) * ROW + 40)}px`;
    if (it.at >= from && it.at < to) view.setAttribute("aria-activedescendant", `row-${it.at}`);
    else view.removeAttribute("aria-activedescendant");
  }

  function move(by) {
    const it = state[current], view = byId("view");
    if (!it.shown.length) return;
    it.at = Math.min(Math.max(it.at + by, 0), it.shown.length - 1);
    const top = it.at * ROW, inner = view.clientHeight - 36;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + ROW > view.scrollTop + inner) view.scrollTop = top + ROW - inner;
    draw();
  }

  function bar() {
    const list = lists[current], it = state[current], rows = list.rows();
    const search = el("input", { type: "search", id: "search", "aria-label": t("search"), placeholder: `${t("search")} (/)`, autocomplete: "off", onkeydown: (event) => { if (event.key === "ArrowDown" || event.key === "Enter") { event.preventDefault(); byId("view").focus(); } }, oninput: (event) => { it.query = event.target.value; refilter(); } });
    search.value = it.query;
    const selects = Object.entries(list.filters).map(([key, read]) => {
      const counts = new Map();
      for (const row of rows) counts.set(read(row), (counts.get(read(row)) || 0) + 1);
      counts.delete("");
      if (counts.size < 2 && !(it.chosen[key] || "")) return null;
      const word = list.word[key] || ((value) => (key === "rule" ? ruleTitle(data.head.rules.find((rule) => rule.id === value) || { id: value }) : value));
      let values = [...counts.keys()].sort((a, b) => (key === "severity" ? SEVERITIES.indexOf(a) - SEVERITIES.indexOf(b) : a < b ? -1 : 1));
      const select = el("select", { "data-filter": key, onchange: (event) => { it.chosen[key] = event.target.value; refilter(); } },
        el("option", { value: "" }, t("all")), values.map((value) => el("option", { value }, `${word(value)} (${counted(counts.get(value))})`)));
      select.value = it.chosen[key] || "";
      return el("label", {}, t(key), select);
    });
    const clear = el("button", { type: "button", id: "clear", onclick: () => { it.query = ""; it.chosen = {}; bar(); refilter(); byId("clear").focus(); } }, t("clear"));
    byId("bar").replaceChildren(search, ...selects.filter(Boolean), clear, el("span", { class: "count", id: "count", role: "status" }));
    const head = byId("head");
    head.replaceChildren(...list.columns.map((key) => {
      const sorted = it.sort && it.sort.key === key ? (it.sort.down ? "descending" : "ascending") : "none";
      return el("span", { class: "cell", role: "columnheader", "aria-sort": sorted }, el("button", { type: "button", class: "sorter", "data-sort": key, onclick: () => { it.sort = sorted === "ascending" ? { key, down: true } : sorted === "descending" ? null : { key, down: false }; bar(); refilter(); byId("head").querySelector(`[data-sort="${key}"]`).focus(); } }, t(key), sorted === "none" ? "" : sorted === "ascending" ? " ↑" : " ↓"));
    }));
    byId("grid").className = `grid ${current}`;
    byId("view").setAttribute("aria-label", t(current));
    for (const name of Object.keys(lists)) {
      const button = byId(`tab-${name}`);
      button.setAttribute("aria-selected", String(name === current));
      button.tabIndex = name === current ? 0 : -1;
      button.textContent = `${t(name)} (${counted(lists[name].rows().length)})`;
    }
    byId("listpanel").setAttribute("aria-labelledby", `tab-${current}`);
  }

  function choose(name) {
    current = name;
    bar();
    refilter();
  }

  // ---- details -----------------------------------------------------------------------------------------------------

  const pair = (word, value) => (value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length) ? null : [el("dt", {}, word), el("dd", {}, Array.isArray(value) ? value.join(", ") : value)]);
  /** A list that may be long: the first of it, and the rest folded. */
  const folded = (items) => (items.length <= 12 ? items.join(", ") : [items.slice(0, 12).join(", "), el("details", {}, el("summary", {}, t("andmore", items.length - 12)), items.slice(12).join(", "))]);
  const bullets = (word, items) => (items && items.length ? [el("h4", {}, word), el("ul", {}, items.map((item) => el("li", {}, item)))] : null);
  let opener = null;
  /** How many details the browser's way back leads through before what was there first: the page, or a detail that a link named. */
  const depth = () => history.state?.depth || 0;
  const linked = /^#[ef]=/.test(location.hash);
  let leaving = false;

  function show(...content) {
    const dialog = byId("detail");
    const back = dialog.open && depth() > (linked ? 0 : 1) ? el("button", { class: "plain", type: "button", onclick: () => history.back() }, `← ${t("back2")}`) : null;
    dialog.querySelector(".detail").replaceChildren(...[el("button", { class: "plain close", type: "button", onclick: () => dialog.close() }, t("close")), back, content].flat(Infinity).filter(Boolean));
    if (!dialog.open) {
      opener = document.activeElement;
      dialog.showModal();
    }
    dialog.querySelector(".detail").scrollTop = 0;
  }
  /** Details have addresses: the way back leads to the one before, and at last to the page. */
  function visit(hash) {
    if (location.hash === hash) return;
    history.pushState({ depth: depth() + 1 }, "", hash);
  }
  function closed() {
    leaving = depth() > 0;
    if (leaving) history.go(-depth());
    else if (location.hash) history.replaceState(null, "", location.pathname + location.search);
    opener?.focus();
  }
  function wentBack() {
    const isDetail = /^#[ef]=/.test(location.hash);
    if (leaving) {
      leaving = false;
      if (isDetail) history.replaceState(null, "", location.pathname + location.search);
    } else if (isDetail) fromHash();
    else if (byId("detail").open) byId("detail").close();
  }

  function link(url) {
    return /^https:\/\//.test(url) ? el("a", { href: url, rel: "noreferrer noopener", target: "_blank" }, url) : url;
  }

  function openFinding(it) {
    const rule = ruleOf(it), zh = language === "zh" && rule.zh;
    const near = [it.endpoint, ...it.concerns].filter((index) => index >= 0);
    visit(`#f=${encodeURIComponent(it.fingerprint)}`);
    show(
      el("h2", { id: "detail-title" }, ruleTitle(rule)),
      el("p", {}, tag(t(it.severity), only(it.severity)), " ", tag(t(it.status), it.status === "unknown" ? "doubt" : ""), " ", it.change ? tag(t(`c-${it.change}`)) : ""),
      el("p", {}, it.message),
      el("h3", {}, t("remedy")), el("p", {}, (zh && remedyOf(it) === rule.remedy ? zh.remedy : remedyOf(it)) || rule.remedy || ""),
      rule.why && [el("h3", {}, t("why")), el("p", {}, zh ? zh.why : rule.why)],
      el("h3", {}, t("subject")),
      el("dl", {}, pair(t("kind"), t(it.kind)), pair(t("name"), it.name), pair(t("id"), mono(it.resource)), pair(t("account"), it.account), pair(t("region"), it.region), pair(t("rule"), mono(rule.id)), pair(t("first"), it.first), pair(t("fingerprint"), mono(it.fingerprint)), pair(t("controls"), data.head.lists[it.controls] || [])),
      it.waiver && [el("h3", {}, t("waiver")), el("dl", {}, pair(t("reason"), it.waiver.reason), pair(t("owner"), it.waiver.owner), pair(t("ticket"), it.waiver.ticket), pair(t("until"), it.waiver.expires))],
      (data.head.lists[it.references] || []).length ? [el("h3", {}, t("refs")), el("ul", {}, data.head.lists[it.references].map((url) => el("li", {}, link(url))))] : null,
      near.length ? [el("h3", {}, t("concerns")), near.map((index) => storyNodes(data.endpoints[index], near.length === 1))] : null);
  }

  function consumerNodes(consumer, reasons) {
    const hops = (word, items) => (items.length ? [el("h4", {}, word), el("ol", { class: "hops" }, items.map((item) => el("li", {}, item)))] : null);
    const word = consumer.connectivity === "connected" ? t("remark") : consumer.connectivity === "unknown" ? t("notknown") : t("breaks");
    return el("div", { class: `private ${pathStyle[consumer.connectivity]}` },
      el("p", {}, el("b", {}, consumer.name || consumer.id), " ", tag(t(consumer.connectivity), pathStyle[consumer.connectivity]), " ", consumer.via ? t(consumer.via) : "", ` · ${t(consumer.need)} (${consumer.confidence.toFixed(2)})`),
      el("p", {}, consumer.reason),
      hops(t("there"), consumer.forward), hops(t("back"), consumer.return),
      consumer.reasons.length ? bullets(word, consumer.reasons.map((reason) => `${reason}${reasons.has(reason) ? " — " + reasons.get(reason) : ""}`)) : null,
      bullets(t("mend"), consumer.steps));
  }

  function portNodes(row) {
    return [el("h4", {}, `${portWord(row)} `, tag(t(`v-${row.verdict}`), verdictStyle[row.verdict])),
      row.family === "ipv4" ? spacePicture(row) : null,
      el("dl", {}, row.untrusted.length ? pair(row.complete ? t(row.verdict === "unverified" ? "maybe" : "untrusted") : `${t("atmost")} ${t("untrusted")}`, el("span", {}, folded(row.untrusted))) : null, pair(t("witness"), row.witness), row.blame.length ? pair(t("blame"), el("span", {}, folded(row.blame))) : null, row.fix_set.length ? pair(t(row.fix_set.length > 1 ? "fixes" : "fix"), el("span", {}, folded(row.fix_set), row.gates.some((gate) => gate.enforcement === "unverified") ? el("p", {}, t("fixleft")) : null)) : null),
      row.complete ? (row.verdict === "unverified" ? el("p", {}, tag(t("unverifiednote"), "doubt")) : null) : el("p", {}, tag(t("maybenote"), "doubt")),
      row.gates.length ? table([t("gates"), t("id"), t("status"), t("admits"), t("note")], row.gates.map((gate) => [t(gate.kind), mono(gate.id), t(gate.enforcement), gate.admits.length ? el("span", {}, row.complete || gate.enforcement !== "enforced" ? "" : `${t("atmost")} `, folded(gate.admits)) : t("none"), gate.note])) : el("p", {}, t("nogate"))];
  }

  const gapWords = (gap) => gap && `${gapState(gap)} · ${gap.product}:${gap.operation} ${gap.resource_id || gap.region_id} · ${gap.code}: ${gap.message}`;
  /** A finding in a list of others: what is only possible, or accepted, is not told as a fact. */
  const brief = (it) => [tag(t(it.severity), only(it.severity)), " ", it.status === "open" ? "" : [tag(t(it.status), it.status === "unknown" ? "doubt" : ""), " "], ruleTitle(ruleOf(it))];

  function storyNodes(story, whole) {
    const { endpoint } = story, need = endpoint.staleness;
    const reasons = meanings(story);
    const head = [el("p", {}, el("b", {}, endpoint.resource_name || endpoint.resource_id), " ", tag(t(endpoint.exposure), endpoint.exposure === "private" ? "good" : ""), " ", needTag(need.verdict)), lane(story, whole)];
    if (!whole) return el("div", { class: "lane" }, head, el("button", { type: "button", class: "plain", onclick: () => openEndpoint(endpoint.id) }, t("opens")));
    return [head,
      el("h3", {}, t("who")), endpoint.access.length ? endpoint.access.map(portNodes) : el("p", {}, t("unknown")),
      el("h3", {}, t("stalewords")), el("p", {}, needTag(need.verdict), ` ${need.reason} (${t("confidence")} ${need.confidence.toFixed(2)})`),
      need.consumers.length ? [el("h4", {}, t("consumers")), need.consumers.map((consumer) => consumerNodes(consumer, reasons))] : null,
      need.unexpected_clients.length ? [el("h4", {}, t("clients")), table([t("address"), t("first"), t("until"), "n"], need.unexpected_clients.map((client) => [client.address, client.first_seen, client.last_seen, counted(client.count)]))] : null,
      need.probed ? el("p", {}, t("probed")) : null,
      bullets(t("silent"), need.silent), bullets(t("logs"), need.incomplete_logs), bullets(t("deciding"), need.deciding), bullets(t("vendor"), need.platform_disagrees),
      need.proposed_allowlist.length ? [el("h4", {}, t("proposal")), el("pre", {}, need.proposed_allowlist.join("\n") + (need.proposal_complete ? "" : `\n(${t("incomplete")})`))] : null,
      story.narrowing ? [el("h4", {}, t("commands")), story.narrowing.notes.map((note) => el("p", {}, note)), el("pre", {}, story.narrowing.commands.join("\n"))] : null,
      bullets(t("gapsabout"), [...story.unread, ...story.gaps.map((place) => gapWords(data.gaps[place])).filter(Boolean)]),
      el("h3", {}, t("exposure")),
      el("dl", {}, pair(t("signs"), endpoint.signs), pair(t("contradictions"), endpoint.contradictions), pair(t("address"), [endpoint.public_address, endpoint.private_address].filter(Boolean)), pair(t("eip"), endpoint.eip_id), pair(t("balancer"), endpoint.load_balancer_id), pair(t("account"), endpoint.account_id), pair(t("region"), endpoint.region_id), pair(t("id"), mono(endpoint.id)), pair(t("protected"), endpoint.protected_by || []), endpoint.bound_by ? pair(t("boundby"), `${endpoint.bound_by.user} ${endpoint.bound_by.at}`) : null)];
  }

  function openEndpoint(id) {
    const index = data.place.get(id), story = data.endpoints[index];
    if (!story) return;
    const about = data.findings.filter((it) => it.endpoint === index || it.concerns.includes(index));
    visit(`#e=${encodeURIComponent(id)}`);
    show(
      el("h2", { id: "detail-title" }, `${story.endpoint.resource_name || story.endpoint.resource_id} · ${t(story.endpoint.kind)}`),
      storyNodes(story, true),
      about.length ? [el("h3", {}, t("related")), about.map((it) => el("button", { type: "button", class: "other", onclick: () => openFinding(it) }, brief(it)))] : null);
  }

  const fromHash = () => opened(location.hash);
  function opened(hash) {
    const [key, value] = hash.slice(1).split("=");
    let word = "";
    try { word = decodeURIComponent(value || ""); } catch { return; }
    if (key === "e") openEndpoint(word);
    if (key === "f") {
      const it = data.findings.find((one) => one.fingerprint === word);
      if (it) openFinding(it);
    }
  }

  // ---- page ------------------------------------------------------------------------------------------------------------

  function translate() {
    root.lang = language === "zh" ? "zh-CN" : "en";
    for (const node of document.querySelectorAll("[data-zh]")) {
      node.dataset.en ??= node.textContent;
      node.textContent = language === "zh" ? node.dataset.zh : node.dataset.en;
    }
    document.querySelector("[role=tablist]").setAttribute("aria-label", t("lists"));
    byId("language").textContent = language === "zh" ? "English" : "中文";
    for (const node of document.querySelectorAll("[data-title-zh]")) {
      node.dataset.titleEn ??= node.title;
      node.title = language === "zh" ? node.dataset.titleZh : node.dataset.titleEn;
    }
    const verdict = document.querySelector(".verdict");
    document.title = [verdict.textContent, ...document.title.split(" · ").slice(1)].join(" · ");
    byId("untranslated").textContent = language === "zh" ? t("facts") : "";
    themeWord();
  }
  const themes = ["auto", "light", "dark"];
  const themeWord = () => { byId("theme").textContent = t(root.dataset.theme || "auto"); };

  function everything() {
    for (const name of Object.keys(lists)) Object.assign(state[name], { texts: haystack(lists[name]), last: null });
    translate();
    map(12);
    trend();
    coverage();
    choose(current);
  }

  /** On paper there is nothing to scroll, fold or press: the open detail alone, or else everything, as far as it is read. */
  function printable() {
    const MOST = 500, detail = byId("detail");
    root.dataset.printing = detail.open ? "detail" : "page";
    for (const node of document.querySelectorAll("details:not([open])")) { node.open = true; node.dataset.unfolded = "yes"; }
    // A modal dialog is a layer of the screen, which paper has one page of: what it says is printed in its place.
    if (detail.open) return byId("printed").replaceChildren(...[...detail.querySelector(".detail").children].map((node) => node.cloneNode(true)));
    map(200);
    const findings = data.findings.slice(0, MOST).map((it) => [t(it.severity), t(it.status), ruleTitle(ruleOf(it)), `${it.name || it.resource} · ${it.region}`, it.message]);
    const planes = data.endpoints.slice(0, MOST).map(({ endpoint }) => { const worst = worstPort(endpoint); return [endpoint.resource_name || endpoint.resource_id, t(endpoint.kind), endpoint.region_id, worst && worst !== "private" ? t(`v-${worst}`) : t(endpoint.exposure), needWord(endpoint.staleness.verdict), endpoint.public_address || ""]; });
    const part = (name, columns, rows) => [el("h3", {}, `${t(name)} (${counted(lists[name].rows().length)})`), table(columns, rows), lists[name].rows().length > MOST ? el("p", {}, t("moreprint", lists[name].rows().length - MOST)) : null];
    byId("printed").replaceChildren(...[part("endpoints", [...lists.endpoints.columns.map((key) => t(key)), t("address")], planes), part("findings", lists.findings.columns.map((key) => t(key)), findings)].flat().filter(Boolean));
  }
  function printed() {
    delete root.dataset.printing;
    for (const node of document.querySelectorAll("details[data-unfolded]")) { node.open = false; delete node.dataset.unfolded; }
    byId("printed").replaceChildren();
    map(12);
  }

  async function start() {
    byId("loading").hidden = false;
    try {
      readData(await dataText());
    } catch (error) {
      byId("loading").textContent = `${t("failed")} ${error.message}`;
      return;
    }
    byId("loading").hidden = true;
    byId("rest").hidden = false;
    byId("language").addEventListener("click", () => { language = language === "zh" ? "en" : "zh"; everything(); });
    byId("theme").addEventListener("click", () => {
      const next = themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length];
      if (next === "auto") delete root.dataset.theme;
      else root.dataset.theme = next;
      themeWord();
    });
    for (const name of Object.keys(lists)) {
      byId(`tab-${name}`).addEventListener("click", () => choose(name));
      byId(`tab-${name}`).addEventListener("keydown", (event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        choose(name === "findings" ? "endpoints" : "findings");
        byId(`tab-${current}`).focus();
      });
    }
    const view = byId("view");
    view.addEventListener("scroll", draw, { passive: true });
    view.addEventListener("keydown", (event) => {
      // The buttons of the columns are within, and have keys of their own.
      if (event.target !== view) return;
      const page = Math.max(1, Math.floor(view.clientHeight / ROW) - 1);
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity }[event.key];
      const it = state[current];
      if (by !== undefined) { event.preventDefault(); move(Number.isFinite(by) ? by : by < 0 ? -it.shown.length : it.shown.length); }
      if ((event.key === "Enter" || event.key === " ") && it.at >= 0) { event.preventDefault(); lists[current].open(lists[current].rows()[it.shown[it.at]]); }
    });
    document.addEventListener("keydown", (event) => {
      const typing = /^(input|select|textarea)$/i.test(document.activeElement?.tagName || "");
      if (event.key === "/" && !typing && !byId("detail").open) { event.preventDefault(); byId("search").focus(); }
    });
    for (const node of document.querySelectorAll(".card a[href]")) node.addEventListener("click", (event) => { event.preventDefault(); opened(node.getAttribute("href")); });
    byId("detail").addEventListener("close", closed);
    byId("detail").addEventListener("click", (event) => { if (event.target === byId("detail")) byId("detail").close(); });
    addEventListener("popstate", wentBack);
    addEventListener("resize", draw);
    addEventListener("beforeprint", printable);
    addEventListener("afterprint", printed);
    everything();
    fromHash();
    root.dataset.ready = "yes";
  }
  start();
})();
