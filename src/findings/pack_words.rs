//! Why a control has its status, in words of each language.

use std::collections::BTreeSet;

use super::{
    Input,
    Language::{self, En, Zh},
    SubjectKind,
};

/// What a pass rests on: so many rules that looked at so many things of a kind.
pub(super) struct Basis {
    pub(super) rules: usize,
    pub(super) about: SubjectKind,
    pub(super) subjects: usize,
}

/// Rules that could say nothing of some things, and what is not known of these.
pub(super) struct Doubt<'a> {
    pub(super) rules: Vec<&'a str>,
    pub(super) about: SubjectKind,
    pub(super) undecided: usize,
    /// How many things they looked at.
    pub(super) of: usize,
    pub(super) lacking: BTreeSet<Input>,
}

/// `1 rule`, `2 rules`
fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `1 mesh`, `2 meshes`
fn subjects(count: usize, kind: SubjectKind) -> String {
    let (one, many) = match kind {
        SubjectKind::Endpoint => ("endpoint", "endpoints"),
        SubjectKind::SecurityGroup => ("security group", "security groups"),
        SubjectKind::Acl => ("ACL", "ACLs"),
        SubjectKind::LoadBalancer => ("unclaimed balancer", "unclaimed balancers"),
        SubjectKind::Eip => ("EIP", "EIPs"),
        SubjectKind::Mesh => ("mesh", "meshes"),
        SubjectKind::Cluster => ("cluster", "clusters"),
    };
    number(count, one, many)
}

fn kind_in_chinese(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::Endpoint => "控制面入口",
        SubjectKind::SecurityGroup => "安全组",
        SubjectKind::Acl => "访问控制列表",
        SubjectKind::LoadBalancer => "无人认领的负载均衡",
        SubjectKind::Eip => "EIP",
        SubjectKind::Mesh => "网格",
        SubjectKind::Cluster => "集群",
    }
}

pub(super) fn found(language: Language, open: usize, waived: usize, undecided: usize) -> String {
    match language {
        En => format!("{open} open, {waived} accepted, {undecided} undecided"),
        Zh => format!("{open} 项未处理，{waived} 项已豁免，{undecided} 项无法判定"),
    }
}

pub(super) fn undecided(language: Language, count: usize) -> String {
    match language {
        En => format!("{count} undecided"),
        Zh => format!("{count} 项无法判定"),
    }
}

pub(super) fn not_evaluated(language: Language, rules: &[&str]) -> String {
    let rules = rules.join(", ");
    match language {
        En => format!("not evaluated: {rules}"),
        Zh => format!("未评估的规则：{rules}"),
    }
}

pub(super) fn nothing_looked_at(language: Language) -> String {
    match language {
        En => "nothing of this kind was looked at".to_owned(),
        Zh => "没有此类对象可供检查".to_owned(),
    }
}

pub(super) fn nothing_but(language: Language, what: &str) -> String {
    match language {
        En => format!("nothing was found, but {what}"),
        Zh => format!("未发现问题，但{what}"),
    }
}

pub(super) fn interrupted(language: Language) -> String {
    match language {
        En => "the run was interrupted".to_owned(),
        Zh => "扫描被中断".to_owned(),
    }
}

pub(super) fn not_judged(language: Language, count: usize) -> String {
    match language {
        En => format!("{} could not be judged", subjects(count, SubjectKind::Endpoint)),
        Zh => format!("有 {count} 个控制面入口无法判定"),
    }
}

pub(super) fn lost_reads(language: Language, count: usize) -> String {
    match language {
        En if count == 1 => "1 planned read was denied or failed".to_owned(),
        En => format!("{count} planned reads were denied or failed"),
        Zh => format!("有 {count} 项计划内的读取被拒绝或失败"),
    }
}

pub(super) fn doubts(language: Language, doubts: &[Doubt<'_>]) -> String {
    let one = |doubt: &Doubt<'_>| {
        let Doubt { undecided, of, about, lacking, .. } = doubt;
        let rules = doubt.rules.join(", ");
        match language {
            En => {
                let lacking: Vec<&str> = lacking.iter().map(|input| input.in_words()).collect();
                let lacking = match lacking.is_empty() {
                    true => String::new(),
                    false => format!(" (not known: {})", lacking.join(", ")),
                };
                format!("nothing is said of {undecided} of {}{lacking} by {rules}", subjects(*of, *about))
            }
            Zh => {
                let lacking: Vec<&str> = lacking.iter().map(|input| input.in_chinese()).collect();
                let lacking = match lacking.is_empty() {
                    true => String::new(),
                    false => format!("（未知：{}）", lacking.join("、")),
                };
                format!("在 {of} 个{}中有 {undecided} 个未能得出结论{lacking}：{rules}", kind_in_chinese(*about))
            }
        }
    };
    let each: Vec<String> = doubts.iter().map(one).collect();
    each.join(if language == En { "; " } else { "；" })
}

/// What a pass rests on; `reads` are those that were made and those that were left out on request.
pub(super) fn nothing_found(
    language: Language,
    bases: &[Basis],
    (made, left_out): (usize, usize),
    idle: &[&str],
) -> String {
    let mut parts = Vec::new();
    match language {
        En => {
            let basis = |one: &Basis| {
                format!("{} about {}", number(one.rules, "rule", "rules"), subjects(one.subjects, one.about))
            };
            parts.push(format!("nothing found by {}", bases.iter().map(basis).collect::<Vec<_>>().join(", ")));
            parts.push(number(made, "read", "reads"));
            if left_out > 0 {
                parts.push(format!("{} left out on request", number(left_out, "read", "reads")));
            }
            if !idle.is_empty() {
                parts.push(format!("nothing to look at for {}", idle.join(", ")));
            }
            parts.join("; ")
        }
        Zh => {
            let basis =
                |one: &Basis| format!("{} 条规则检查了 {} 个{}", one.rules, one.subjects, kind_in_chinese(one.about));
            parts.push(format!("未发现问题：{}", bases.iter().map(basis).collect::<Vec<_>>().join("，")));
            parts.push(format!("共读取 {made} 项"));
            if left_out > 0 {
                parts.push(format!("按要求略去 {left_out} 项读取"));
            }
            if !idle.is_empty() {
                parts.push(format!("没有检查对象的规则：{}", idle.join(", ")));
            }
            parts.join("；")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_told_as_one_and_several_as_several() {
        let bases = [
            Basis { rules: 1, about: SubjectKind::Mesh, subjects: 1 },
            Basis { rules: 2, about: SubjectKind::SecurityGroup, subjects: 3 },
        ];
        assert_eq!(
            nothing_found(En, &bases, (1, 2), &["a", "b"]),
            "nothing found by 1 rule about 1 mesh, 2 rules about 3 security groups; 1 read; 2 reads left out on \
             request; nothing to look at for a, b"
        );
        assert_eq!(
            nothing_found(Zh, &bases, (1, 0), &[]),
            "未发现问题：1 条规则检查了 1 个网格，2 条规则检查了 3 个安全组；共读取 1 项"
        );
        assert_eq!(not_judged(En, 1), "1 endpoint could not be judged");
        assert_eq!(lost_reads(En, 1), "1 planned read was denied or failed");
        let lacking = BTreeSet::from([Input::Need, Input::Ports]);
        let doubt = Doubt { rules: vec!["a", "b"], about: SubjectKind::Acl, undecided: 1, of: 2, lacking };
        assert_eq!(
            doubts(En, &[doubt]),
            "nothing is said of 1 of 2 ACLs (not known: who can reach it, whether its public path is needed) by a, b"
        );
    }
}
