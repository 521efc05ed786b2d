//! Branches inside of a loop, and what leaves a turn before its end.

use tree_sitter::Node;

use crate::audit::host::tree::children_of;

/// A statement or expression that goes one of several ways.
pub(in super::super) struct Choice<'t> {
    /// In their order.
    pub(in super::super) arms: Vec<Arm<'t>>,
    /// What is done before any condition is asked.
    pub(in super::super) before: Vec<Node<'t>>,
}

/// One way.
pub(in super::super) struct Arm<'t> {
    /// Its condition; nothing for the last way.
    pub(in super::super) condition: Option<Node<'t>>,
    /// Whether it is gone when the condition does not hold.
    pub(in super::super) negated: bool,
    /// What is done.
    pub(in super::super) body: Option<Node<'t>>,
}

/// What leaves a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Leaving {
    /// The turn only.
    Turn,
    /// All further turns, too.
    Loop,
    /// The function: of a callback that is the turn, of others everything.
    Function,
}

/// Most `else if` that are looked at.
const MOST_ARMS: usize = 200;

/// A node that is a choice.
pub(in super::super) fn choice(node: Node<'_>) -> Option<Choice<'_>> {
    let field = |name: &str| node.child_by_field_name(name);
    let negated = matches!(node.kind(), "unless" | "unless_modifier");
    match node.kind() {
        "if_modifier" | "unless_modifier" => Some(Choice {
            arms: vec![Arm { condition: field("condition"), negated, body: field("body") }],
            before: Vec::new(),
        }),
        "if_statement" | "if" | "unless" => {
            let mut arms = Vec::new();
            let before = field("initializer").into_iter().collect();
            let mut next = Some(node);
            while let Some(at) = next.take()
                && arms.len() < MOST_ARMS
            {
                let negated = at.kind() == "unless";
                let condition = at.child_by_field_name("condition");
                arms.push(Arm { condition, negated, body: at.child_by_field_name("consequence") });
                let mut cursor = at.walk();
                for other in at.children_by_field_name("alternative", &mut cursor) {
                    let inner = only_statement(other);
                    match inner.kind() {
                        // Python's are side by side, the others inside of each other.
                        "elif_clause" => arms.push(Arm {
                            condition: inner.child_by_field_name("condition"),
                            negated: false,
                            body: inner.child_by_field_name("consequence"),
                        }),
                        "if_statement" | "elsif" => next = Some(inner),
                        _ => arms.push(Arm { condition: None, negated: false, body: Some(inner) }),
                    }
                }
            }
            Some(Choice { arms, before })
        }
        _ => None,
    }
}

/// `else if` of JavaScript: the statement in the clause.
fn only_statement(node: Node<'_>) -> Node<'_> {
    match children_of(node).as_slice() {
        [only] if node.kind() == "else_clause" && only.kind() == "if_statement" => *only,
        _ => node,
    }
}

/// What leaves a turn.
pub(in super::super) fn leaving(node: Node<'_>) -> Option<Leaving> {
    match node.kind() {
        "continue_statement" | "next" => Some(Leaving::Turn),
        "break_statement" | "break" => Some(Leaving::Loop),
        "return_statement" | "return" => Some(Leaving::Function),
        _ => None,
    }
}

/// Whether what is inside of a node may be run, once or more often, or not at all.
pub(in super::super) fn may_not_run(node: Node<'_>) -> bool {
    is_function(node)
        || matches!(
            node.kind(),
            "except_clause"
                | "except_group_clause"
                | "rescue"
                | "catch_clause"
                | "while_statement"
                | "while"
                | "until"
                | "while_modifier"
                | "until_modifier"
                | "do_statement"
                | "case_clause"
                | "when"
                | "switch_case"
                | "switch_default"
                | "switch_block_statement_group"
                | "switch_rule"
                | "expression_case"
                | "type_case"
                | "communication_case"
                | "default_case"
                | "in_clause"
                | "conditional_expression"
                | "ternary_expression"
                | "conditional"
        )
}

/// Whether a node is a function, with a name or without.
pub(in super::super) fn is_function(node: Node<'_>) -> bool {
    matches!(
        node.kind(),
        "func_literal"
            | "lambda"
            | "arrow_function"
            | "function_expression"
            | "lambda_expression"
            | "function_definition"
            | "function_declaration"
    )
}
