//! Conditions: CEL expressions that are parsed and checked when rules are loaded, and evaluated
//! at both ends of what could not be read.
//!
//! The check is a small type checker: it knows the facts, the members of ports and the fixed
//! words, so that a misspelt fact, member or word fails at load time instead of being false.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use cel::{
    Context, Env, Program, Value,
    common::{
        ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators},
        types::{CelBool, CelInt, CelString},
        value::{CowVal, Val},
    },
    context::VariableResolver,
};

use super::{
    facts::{End, FactTable, FactType, FactValue, PORT_MEMBERS, PortFact, nearest},
    guard,
    template::escape,
};

/// Deepest nesting of `all`, `exists`, `exists_one`, `filter` and `map`.
const MAX_COMPREHENSIONS: usize = 2;
/// Most elements of a list that is written out.
const MAX_LIST: usize = 64;

/// An expression that is true or false, over facts that exist.
#[derive(Debug)]
pub(super) struct Condition {
    source: String,
    program: Program,
    /// Facts it reads, sorted.
    facts: Vec<&'static str>,
    /// True if some of them may differ between the two ends.
    bounded: bool,
}

/// Where facts come from: a subject, or an example.
pub(super) trait FactSource: Send + Sync {
    /// The fact at one end; `None` if it is not known.
    fn fact(&self, name: &str, end: End) -> Option<FactValue>;
}

/// What a condition says of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// True at both ends.
    True,
    /// False at both ends.
    False,
    /// True at one end only.
    Undecided,
    /// It could not be evaluated: why, in words that may be shown.
    Error(String),
}

impl Condition {
    /// Parses and checks an expression. Must run on a thread of [`guard::threads`].
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong and where in the expression.
    pub(super) fn compile(source: &str, table: FactTable) -> Result<Self, String> {
        guard::admit(source)?;
        let program = guard::fenced(|| env().compile(source))?.map_err(|errors| {
            let texts: Vec<String> = errors
                .errors
                .iter()
                .map(|error| format!("{} at line {}, column {}", escape(&error.msg), error.pos.0, error.pos.1))
                .collect();
            format!("the expression cannot be parsed: {}", texts.join("; "))
        })?;
        let mut checker = Checker { table, scope: Vec::new(), facts: BTreeMap::new(), comprehensions: 0 };
        let ty = checker.check(program.expression()).map_err(|fault| fault.locate(&program))?;
        if !matches!(ty, Type::Bool | Type::Any) {
            return Err(format!("the expression is {}; it must be true or false", ty.describe()));
        }
        let facts: Vec<_> = checker.facts.into_keys().collect();
        let bounded = facts.iter().any(|name| table.get(name).is_some_and(|fact| fact.bounded));
        Ok(Self { source: source.trim().to_owned(), program, facts, bounded })
    }

    /// The expression as written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The facts it reads, sorted.
    pub(super) fn facts(&self) -> &[&'static str] {
        &self.facts
    }

    /// Evaluates at both ends.
    pub(super) fn ask(&self, facts: &dyn FactSource) -> Answer {
        match self.at_both(facts) {
            [Err(error), _] | [_, Err(error)] => Answer::Error(error),
            [Ok(true), Ok(true)] => Answer::True,
            [Ok(false), Ok(false)] => Answer::False,
            _ => Answer::Undecided,
        }
    }

    /// What it is at the lower end and at the upper one. An evaluation depends on the facts that it reads and on nothing
    /// else: where none of them differs, one is enough.
    pub(super) fn at_both(&self, facts: &dyn FactSource) -> [Result<bool, String>; 2] {
        let resolver = Resolver { compares: self.bounded, ..Resolver::new(facts, End::Lower) };
        let lower = self.evaluate(&resolver);
        let differs = resolver.differs.into_inner();
        let upper = if differs { self.at(facts, End::Upper) } else { lower.clone() };
        [lower, upper]
    }

    /// Evaluates at one end.
    pub(super) fn at(&self, facts: &dyn FactSource, end: End) -> Result<bool, String> {
        self.evaluate(&Resolver::new(facts, end))
    }

    fn evaluate(&self, resolver: &Resolver<'_>) -> Result<bool, String> {
        let value = guard::fenced(|| {
            let mut context = Context::with_env(Arc::clone(env()));
            context.set_variable_resolver(resolver);
            self.program.execute(&context)
        })?;
        match value {
            Ok(Value::Bool(value)) => Ok(value),
            Ok(other) => Err(format!("the expression is {:?}, not true or false", other.type_of())),
            Err(error) => Err(format!("the expression failed: {}", escape(&error.to_string()))),
        }
    }
}

/// The standard environment: its macros and functions, no clock and no input.
fn env() -> &'static Arc<Env> {
    static ENV: OnceLock<Arc<Env>> = OnceLock::new();
    ENV.get_or_init(|| Arc::new(Env::stdlib()))
}

/// Hands facts to the evaluator when it asks for them, and not before.
struct Resolver<'a> {
    facts: &'a dyn FactSource,
    end: End,
    /// Whether each fact is held against the other end's.
    compares: bool,
    /// Whether one was another there. The evaluator asks for resolvers that threads can share.
    differs: AtomicBool,
}

impl<'a> Resolver<'a> {
    fn new(facts: &'a dyn FactSource, end: End) -> Self {
        Self { facts, end, compares: false, differs: AtomicBool::new(false) }
    }

    fn fact(&self, variable: &str) -> Option<FactValue> {
        let fact = self.facts.fact(variable, self.end);
        if self.compares && !self.differs.load(Ordering::Relaxed) {
            let is_same = End::BOTH.into_iter().all(|end| end == self.end || self.facts.fact(variable, end) == fact);
            self.differs.store(!is_same, Ordering::Relaxed);
        }
        fact
    }
}

impl VariableResolver for Resolver<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let value = match self.fact(variable)? {
            FactValue::Bool(value) => return Some(CowVal::owned(CelBool::from(value))),
            FactValue::Int(value) => return Some(CowVal::owned(CelInt::from(value))),
            FactValue::Text(text) | FactValue::Whole(text) => return Some(CowVal::owned(CelString::from(text))),
            FactValue::Texts(items) => Value::from(items),
            FactValue::Ints(items) => Value::from(items),
            FactValue::Map(map) => Value::from(HashMap::<String, String>::from_iter(map)),
            FactValue::Ports(ports) => Value::from(ports.into_iter().map(port).collect::<Vec<_>>()),
        };
        Box::<dyn Val>::try_from(value).ok().map(CowVal::from)
    }
}

fn port(port: PortFact) -> Value {
    let members: HashMap<String, Value> = HashMap::from([
        ("protocol".to_owned(), Value::from(port.protocol)),
        ("port".to_owned(), Value::Int(port.port)),
        ("family".to_owned(), Value::from(port.family)),
        ("verdict".to_owned(), Value::from(port.verdict)),
        ("reported".to_owned(), Value::from(port.reported)),
        ("untrusted".to_owned(), Value::from(port.untrusted)),
        ("witness".to_owned(), Value::from(port.witness)),
    ]);
    Value::from(members)
}

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Type {
    Bool,
    Int,
    Text,
    Word(&'static [&'static str]),
    List(Box<Self>),
    Map,
    Port,
    /// Not known: the elements of an empty list.
    Any,
}

impl Type {
    fn of(ty: &FactType) -> Self {
        match ty {
            FactType::Bool => Self::Bool,
            FactType::Int => Self::Int,
            FactType::Text | FactType::Whole => Self::Text,
            FactType::Word(words) => Self::Word(words),
            FactType::Texts => Self::List(Box::new(Self::Text)),
            FactType::Words(words) => Self::List(Box::new(Self::Word(words))),
            FactType::Ints => Self::List(Box::new(Self::Int)),
            FactType::Map => Self::Map,
            FactType::Ports => Self::List(Box::new(Self::Port)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Bool => "true or false".to_owned(),
            Self::Int => "a number".to_owned(),
            Self::Text | Self::Word(_) => "a text".to_owned(),
            Self::List(element) => match **element {
                Self::Any => "a list".to_owned(),
                ref element => format!("a list of which each is {}", element.describe()),
            },
            Self::Map => "a map".to_owned(),
            Self::Port => "a port".to_owned(),
            Self::Any => "of no known type".to_owned(),
        }
    }

    /// The type that both are, if there is one.
    fn join(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Any, ty) | (ty, Self::Any) => Some(ty.clone()),
            (Self::Word(a), Self::Word(b)) if a == b => Some(self.clone()),
            (Self::Text | Self::Word(_), Self::Text | Self::Word(_)) => Some(Self::Text),
            (Self::List(a), Self::List(b)) => a.join(b).map(|element| Self::List(Box::new(element))),
            (a, b) => (a == b).then(|| a.clone()),
        }
    }
}

/// What is wrong with an expression, and the node that is.
struct Fault {
    node: u64,
    text: String,
}

impl Fault {
    fn locate(self, program: &Program) -> String {
        match program.source_info().offset_for(self.node) {
            Some((start, _)) => format!("{} (at character {} of the expression)", self.text, start + 1),
            None => self.text,
        }
    }
}

fn fault<T>(expr: &IdedExpr, text: impl Into<String>) -> Result<T, Fault> {
    Err(Fault { node: expr.id, text: text.into() })
}

struct Checker {
    table: FactTable,
    /// Variables of comprehensions, innermost last.
    scope: Vec<(String, Type)>,
    facts: BTreeMap<&'static str, ()>,
    comprehensions: usize,
}

impl Checker {
    fn check(&mut self, expr: &IdedExpr) -> Result<Type, Fault> {
        match &expr.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(Type::Bool),
                LiteralValue::Int(_) => Ok(Type::Int),
                LiteralValue::String(_) => Ok(Type::Text),
                _ => fault(expr, "only texts, whole numbers, true and false can be written"),
            },
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => {
                let operand = self.check(&select.operand)?;
                let member = match operand {
                    Type::Map => Type::Text,
                    Type::Port => port_member(expr, &select.field)?,
                    other => return fault(expr, format!("{} has no member `{}`", other.describe(), select.field)),
                };
                Ok(if select.test { Type::Bool } else { member })
            }
            Expr::List(list) => {
                if list.elements.len() > MAX_LIST {
                    return fault(expr, format!("a list has more than {MAX_LIST} elements"));
                }
                if !list.optional_indices.is_empty() {
                    return fault(expr, "optional elements are not supported");
                }
                let mut element = Type::Any;
                for item in &list.elements {
                    let ty = self.check(item)?;
                    let Some(joined) = element.join(&ty) else {
                        return fault(item, "the elements of a list must have one type");
                    };
                    element = joined;
                }
                Ok(Type::List(Box::new(element)))
            }
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension),
            Expr::Call(call) => {
                let mut operands: Vec<&IdedExpr> = call.target.iter().map(|target| &**target).collect();
                operands.extend(&call.args);
                self.call(expr, &call.func_name, call.target.is_some(), &operands)
            }
            Expr::Map(_) | Expr::Struct(_) => fault(expr, "maps and structures cannot be written here"),
            Expr::Unspecified => fault(expr, "the expression is empty"),
        }
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Result<Type, Fault> {
        if let Some((_, ty)) = self.scope.iter().rev().find(|(variable, _)| variable == name) {
            return Ok(ty.clone());
        }
        match self.table.require(name) {
            Ok(fact) => {
                self.facts.insert(fact.name, ());
                Ok(Type::of(&fact.ty))
            }
            Err(text) => fault(expr, text),
        }
    }

    fn comprehension(&mut self, expr: &IdedExpr, comprehension: &ComprehensionExpr) -> Result<Type, Fault> {
        if comprehension.iter_var2.is_some() {
            return fault(expr, "only one variable is supported");
        }
        let element = match self.check(&comprehension.iter_range)? {
            Type::List(element) => *element,
            Type::Map => Type::Text,
            other => return fault(expr, format!("{} has no elements", other.describe())),
        };
        self.comprehensions += 1;
        if self.comprehensions > MAX_COMPREHENSIONS {
            return fault(expr, format!("more than {MAX_COMPREHENSIONS} levels of `all`, `exists`, `filter` or `map`"));
        }
        let init = self.check(&comprehension.accu_init)?;
        self.scope.push((comprehension.iter_var.clone(), element));
        self.scope.push((comprehension.accu_var.clone(), init.clone()));
        self.check(&comprehension.loop_cond)?;
        let step = self.check(&comprehension.loop_step)?;
        let Some(accumulated) = init.join(&step) else {
            return fault(expr, "the parts of this expression have different types");
        };
        if let Some((_, ty)) = self.scope.last_mut() {
            *ty = accumulated;
        }
        let result = self.check(&comprehension.result)?;
        self.scope.truncate(self.scope.len() - 2);
        self.comprehensions -= 1;
        Ok(result)
    }

    fn call(&mut self, expr: &IdedExpr, name: &str, member: bool, args: &[&IdedExpr]) -> Result<Type, Fault> {
        let types = args.iter().map(|arg| self.check(arg)).collect::<Result<Vec<_>, _>>()?;
        let wrong = || {
            let types: Vec<String> = types.iter().map(Type::describe).collect();
            fault(expr, format!("{} cannot be applied to {}", in_words(name), types.join(" and ")))
        };
        let text = |ty: &Type| matches!(ty, Type::Text | Type::Word(_) | Type::Any);
        let is = |ty: &Type, wanted: &Type| ty == wanted || *ty == Type::Any;
        match (name, types.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [a, b]) if is(a, &Type::Bool) && is(b, &Type::Bool) => {
                Ok(Type::Bool)
            }
            (operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE, [a]) if is(a, &Type::Bool) => Ok(Type::Bool),
            (operators::CONDITIONAL, [condition, a, b]) if is(condition, &Type::Bool) => match a.join(b) {
                Some(ty) => Ok(ty),
                None => wrong(),
            },
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) if a.join(b).is_some() => {
                words_exist(a, args[1])?;
                words_exist(b, args[0])?;
                Ok(Type::Bool)
            }
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, [a, b])
                if (is(a, &Type::Int) && is(b, &Type::Int)) || (text(a) && text(b)) =>
            {
                Ok(Type::Bool)
            }
            (operators::ADD, [a @ Type::List(_), b @ Type::List(_)]) => match a.join(b) {
                Some(ty) => Ok(ty),
                None => wrong(),
            },
            (operators::ADD | operators::SUBSTRACT | operators::MULTIPLY, [Type::Int, Type::Int])
            | (operators::DIVIDE | operators::MODULO, [Type::Int, Type::Int])
            | (operators::NEGATE, [Type::Int]) => Ok(Type::Int),
            (operators::IN, [a, Type::List(element)]) if a.join(element).is_some() => {
                words_exist(a, args[1])?;
                words_exist(element, args[0])?;
                Ok(Type::Bool)
            }
            (operators::IN, [a, Type::Map]) if text(a) => Ok(Type::Bool),
            (operators::INDEX, [Type::Map, b]) if text(b) => Ok(Type::Text),
            (operators::INDEX, [Type::List(element), b]) if is(b, &Type::Int) => Ok((**element).clone()),
            ("size", [Type::List(_) | Type::Map | Type::Text | Type::Word(_)]) => Ok(Type::Int),
            ("contains" | "startsWith" | "endsWith", [a, b]) if member && text(a) && text(b) => Ok(Type::Bool),
            ("matches", [a, b]) if member && text(a) && text(b) => {
                pattern_compiles(args[1])?;
                Ok(Type::Bool)
            }
            _ if known_function(name) => wrong(),
            _ => fault(
                expr,
                format!("there is no function `{}` in rules{}", escape(name), nearest(name, FUNCTIONS.iter().copied())),
            ),
        }
    }
}

/// Functions and macros that rules may call.
const FUNCTIONS: &[&str] =
    &["size", "contains", "startsWith", "endsWith", "matches", "has", "all", "exists", "exists_one", "filter", "map"];

fn known_function(name: &str) -> bool {
    let operator = [
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::LOGICAL_NOT,
        operators::NOT_STRICTLY_FALSE,
        operators::CONDITIONAL,
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::ADD,
        operators::SUBSTRACT,
        operators::MULTIPLY,
        operators::DIVIDE,
        operators::MODULO,
        operators::NEGATE,
        operators::IN,
        operators::INDEX,
    ];
    operator.contains(&name) || FUNCTIONS.contains(&name)
}

/// `_&&_` as people write it.
fn in_words(name: &str) -> String {
    let plain = name.replace(['_', '@'], "");
    format!("`{}`", if plain.is_empty() { name } else { &plain })
}

fn port_member(expr: &IdedExpr, name: &str) -> Result<Type, Fault> {
    match PORT_MEMBERS.iter().find(|(member, _, _)| *member == name) {
        Some((_, ty, _)) => Ok(Type::of(ty)),
        None => {
            let near = nearest(name, PORT_MEMBERS.iter().map(|(member, _, _)| *member));
            fault(expr, format!("a port has no member `{}`{near}", escape(name)))
        }
    }
}

/// Where a value out of a fixed list is compared with a literal (or a list of them), the literal
/// must be in the list.
fn words_exist(ty: &Type, other: &IdedExpr) -> Result<(), Fault> {
    let words = match ty {
        Type::Word(words) => *words,
        Type::List(element) => match **element {
            Type::Word(words) => words,
            _ => return Ok(()),
        },
        _ => return Ok(()),
    };
    match &other.expr {
        Expr::Literal(LiteralValue::String(text)) => {
            let text = text.inner();
            if words.contains(&text) {
                return Ok(());
            }
            let near = nearest(text, words.iter().copied());
            fault(other, format!("`{}` never occurs here, only {}{near}", escape(text), words.join(", ")))
        }
        Expr::List(list) => list.elements.iter().try_for_each(|item| words_exist(ty, item)),
        _ => Ok(()),
    }
}

/// A pattern that is written out must be valid, and one that is computed is refused: it could
/// only fail later.
fn pattern_compiles(pattern: &IdedExpr) -> Result<(), Fault> {
    let Expr::Literal(LiteralValue::String(text)) = &pattern.expr else {
        return fault(pattern, "the pattern of `matches` must be written out");
    };
    let source = format!("\"\".matches({:?})", text.inner());
    let tried = guard::admit(&source).and_then(|()| {
        guard::fenced(|| match env().compile(&source) {
            Ok(program) => program.execute(&Context::with_env(Arc::clone(env()))).map_err(|error| error.to_string()),
            Err(errors) => Err(errors.to_string()),
        })
        .and_then(|result| result)
    });
    match tried {
        Ok(_) => Ok(()),
        Err(error) => fault(pattern, format!("the pattern is not valid: {}", escape(&error))),
    }
}
