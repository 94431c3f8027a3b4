//! Where a value that is known only after apply comes from: the references of its expression, followed through variables of
//! modules and their outputs to the planned resources. The configuration has no expressions, only what they refer to, so that
//! a source counts only where there is no other that it could be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::document::{Document, ModulePath, ModuleStep, Resource};

/// A planned resource and the attribute that is referred to; empty where the resource as a whole is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source<'a> {
    pub address: &'a str,
    pub attribute: &'a str,
}

/// Everything that a value may come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sources<'a> {
    pub found: BTreeSet<Source<'a>>,
    /// True where it may come from something else too: a local value, a data source, `each.value`.
    pub others: bool,
    /// References followed so far.
    followed: usize,
}

impl<'a> Sources<'a> {
    /// The source, where there is no doubt.
    pub(super) fn only(&self) -> Option<&Source<'a>> {
        match (self.others, self.found.len()) {
            (false, 1) => self.found.first(),
            _ => None,
        }
    }
}

/// A chain of modules longer than this is not followed: a cycle is one.
const DEEPEST: usize = 40;

/// More references than this are not followed for one value: modules that pass on all to all are many.
const MOST: usize = 10_000;

/// What the argument of the resource may come from; `path` leads through blocks to it, a number picks one of several.
pub(super) fn of<'a>(document: &'a Document, resource: &Resource, path: &[&str]) -> Sources<'a> {
    let mut sources = Sources::default();
    match expressions(document, resource).and_then(|top| at(top, path)) {
        Some(expression) => follow(document, &resource.module, expression, DEEPEST, &mut sources),
        None => sources.others = true,
    }
    sources
}

/// True if the configuration is there and says nothing of the argument that the path leads to.
pub(super) fn is_unwritten(document: &Document, resource: &Resource, path: &[&str]) -> bool {
    let Some((argument, before)) = path.split_last() else { return false };
    let written_in = expressions(document, resource).and_then(|top| at(top, before));
    written_in.is_some_and(|block| block.is_object() && at(block, &[argument]).is_none())
}

fn expressions<'a>(document: &'a Document, resource: &Resource) -> Option<&'a Value> {
    /// A block in which nothing is written has none.
    static NOTHING: std::sync::LazyLock<Value> = std::sync::LazyLock::new(|| Value::Object(serde_json::Map::new()));
    document.block(resource).map(|block| block.get("expressions").unwrap_or(&NOTHING))
}

fn at<'a>(top: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(top, |place, step| match step.parse::<usize>() {
        Ok(index) => place.get(index),
        Err(_) => place.get(step),
    })
}

fn follow<'a>(
    document: &'a Document,
    module: &ModulePath,
    expression: &'a Value,
    depth: usize,
    sources: &mut Sources<'a>,
) {
    let references = match expression.get("references") {
        None if expression.get("constant_value").is_some() => return,
        references => references.and_then(Value::as_array),
    };
    let Some(references) = references.filter(|_| depth > 0) else {
        sources.others = true;
        return;
    };
    let texts: Option<Vec<&str>> = references.iter().map(Value::as_str).collect();
    let Some(texts) = texts else {
        sources.others = true;
        return;
    };
    // Each reference is followed by its own beginnings: `a.b.id`, `a.b`.
    let is_beginning = |text: &str| {
        texts
            .iter()
            .any(|other| other.strip_prefix(text).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('[')))
    };
    let texts: BTreeSet<&str> = texts.iter().copied().filter(|text| !is_beginning(text)).collect();
    for text in texts {
        sources.followed += 1;
        if sources.followed > MOST {
            sources.others = true;
            return;
        }
        reference(document, module, text, depth - 1, sources);
    }
}

fn reference<'a>(document: &'a Document, module: &ModulePath, text: &'a str, depth: usize, sources: &mut Sources<'a>) {
    let (first, rest) = text.split_once('.').unwrap_or((text, ""));
    match first {
        // Known whenever a plan is made.
        "count" | "path" | "terraform" | "self" => {}
        "each" if rest == "key" => {}
        "each" | "local" | "data" | "ephemeral" => sources.others = true,
        "var" => variable(document, module, rest, depth, sources),
        "module" => output(document, module, rest, depth, sources),
        _ => resource(document, module, text, sources),
    }
}

/// A variable of the root module is known when a plan is made; that of another is what its call passes.
fn variable<'a>(document: &'a Document, module: &ModulePath, rest: &'a str, depth: usize, sources: &mut Sources<'a>) {
    let Some((_, caller)) = module.split_last() else { return };
    let (name, path) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    // Of an object that is passed, only a part is meant, and the call does not say which reference is which.
    let expressions = document.call(module).and_then(|call| call.get("expressions"));
    match expressions.and_then(|expressions| expressions.get(name)) {
        Some(passed) if path.is_empty() => follow(document, &caller.to_vec(), passed, depth, sources),
        Some(_) => sources.others = true,
        // Its default, which is a constant.
        None => sources.others |= expressions.is_none(),
    }
}

/// An output of a child module, or of each of its instances.
fn output<'a>(document: &'a Document, module: &ModulePath, rest: &'a str, depth: usize, sources: &mut Sources<'a>) {
    let (name, path) = rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()));
    let (index, path) = match path.strip_prefix('[').and_then(|path| path.split_once(']')) {
        Some((index, path)) => (Some(index), path),
        None => (None, path),
    };
    let wanted = path.strip_prefix('.').filter(|path| !path.is_empty() && !path.contains(['.', '[']));
    let is_meant = |step: &&ModuleStep| step.name == name && index.is_none_or(|index| step.index == index);
    let instances = document.children(module).filter(is_meant);
    for step in instances {
        let child: ModulePath = module.iter().cloned().chain([step.clone()]).collect();
        let outputs = document.module(&child).and_then(|child| child.get("outputs"));
        let expression = wanted.and_then(|wanted| outputs?.get(wanted)?.get("expression"));
        match expression {
            Some(expression) => follow(document, &child, expression, depth, sources),
            None => sources.others = true,
        }
    }
}

/// The planned instances of a block, or the one with the index that stands there.
fn resource<'a>(document: &'a Document, module: &ModulePath, text: &'a str, sources: &mut Sources<'a>) {
    let mut parts = text.splitn(3, '.');
    let (Some(kind), Some(name)) = (parts.next(), parts.next()) else {
        sources.others = true;
        return;
    };
    // An index may hold a dot, so that the name ends where the bracket begins.
    let after = text.get(kind.len() + 1..).unwrap_or_default();
    let (name, index) = match name.split_once('[') {
        Some((name, _)) => (name, after.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.split_once(']'))),
        None => (name, None),
    };
    let path = match index {
        Some((_, path)) => path,
        None => after.strip_prefix(name).unwrap_or_default(),
    };
    let attribute = path.rsplit('.').next().unwrap_or_default();
    let attribute = attribute.split('[').next().unwrap_or_default();
    let is_meant = |resource: &&Resource| index.is_none_or(|(index, _)| resource.index == index);
    let block = format!("{kind}.{name}");
    let instances = document.instances(module, &block).filter(is_meant);
    sources.found.extend(instances.map(|resource| Source { address: &resource.address, attribute }));
}
