//! Guard by action: which question is asked of which change. Read with reliability section 3.1 beside it.

use super::{
    Guard,
    check::{
        account_in_scope, admits_every_needed_source, approvals_valid, budget_left, clock_agrees, component_rested,
        every_cluster_proven, insurable, kill_switch_off, nobody_known_needs_it, not_our_own_way, quiet, same_eip,
        same_listener, slot_is_ours_to_fill, still_exposed, trail_quiet, wanted_by_nobody, within_window,
    },
    facts::{Facts, No},
};
use crate::remediate::{Action, Change, Endpoint};

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    UnbindPilot,
    UnbindCanaryPilot,
    UnbindMeshApiServer,
    UnbindClusterApiServer,
    Fence,
    /// The way back from any of them.
    Undo,
}

impl Column {
    pub const ALL: [Self; 6] = [
        Self::UnbindPilot,
        Self::UnbindCanaryPilot,
        Self::UnbindMeshApiServer,
        Self::UnbindClusterApiServer,
        Self::Fence,
        Self::Undo,
    ];

    pub fn of(action: &Action) -> Self {
        match (&action.change, &action.target.endpoint) {
            (Change::Fence { .. }, _) => Self::Fence,
            (Change::Unbind { .. }, Endpoint::Pilot(_)) => Self::UnbindPilot,
            (Change::Unbind { .. }, Endpoint::CanaryPilot(_)) => Self::UnbindCanaryPilot,
            (Change::Unbind { .. }, Endpoint::MeshApiServer(_)) => Self::UnbindMeshApiServer,
            (Change::Unbind { .. }, Endpoint::ClusterApiServer(_)) => Self::UnbindClusterApiServer,
        }
    }

    /// As the head of a table says it.
    pub fn title(self) -> &'static str {
        match self {
            Self::UnbindPilot => "unbind pilot",
            Self::UnbindCanaryPilot => "unbind canary pilot",
            Self::UnbindMeshApiServer => "unbind mesh API server",
            Self::UnbindClusterApiServer => "unbind cluster API server",
            Self::Fence => "fence",
            Self::Undo => "undo",
        }
    }
}

/// A question. Its name is what stands in the document.
pub type Check = fn(&Facts<'_>) -> Result<(), No>;

/// What a guard asks of one kind of change.
#[derive(Clone, Copy, Debug)]
pub enum Cell {
    Needs(Check),
    /// Asks nothing, and why.
    Free(&'static str),
}

/// A guard and its question for each column.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub guard: Guard,
    pub title: &'static str,
    cells: [Cell; 6],
}

impl Row {
    pub fn cell(&self, column: Column) -> Cell {
        let [pilot, canary, mesh, cluster, fence, undo] = self.cells;
        match column {
            Column::UnbindPilot => pilot,
            Column::UnbindCanaryPilot => canary,
            Column::UnbindMeshApiServer => mesh,
            Column::UnbindClusterApiServer => cluster,
            Column::Fence => fence,
            Column::Undo => undo,
        }
    }
}

/// The row of a guard.
pub fn row(guard: Guard) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.guard == guard)
}

const fn row_of(guard: Guard, title: &'static str, cells: [Cell; 6]) -> Row {
    Row { guard, title, cells }
}

/// The same question of every change; the way back is free of it.
const fn changes(check: Check, undo: &'static str) -> [Cell; 6] {
    let asks = Cell::Needs(check);
    [asks, asks, asks, asks, asks, Cell::Free(undo)]
}

/// The same question of everything.
const fn all(check: Check) -> [Cell; 6] {
    [Cell::Needs(check); 6]
}

/// An unbinding's question, a fence's, and that of the way back.
const fn by_change(unbind: Check, fence: Cell, undo: Cell) -> [Cell; 6] {
    let asks = Cell::Needs(unbind);
    [asks, asks, asks, asks, fence, undo]
}

const APPROVED_WITH_IT: &str = "approved with the change";

#[rustfmt::skip]
pub const TABLE: [Row; 15] = [
    row_of(Guard::G1, "scope and account named in the plan", changes(account_in_scope, APPROVED_WITH_IT)),
    row_of(Guard::G2, "still exposed by a complete scan", changes(still_exposed, "what is closed is not exposed")),
    row_of(Guard::G3, "the slot holds what the plan says",
        by_change(same_eip, Cell::Needs(same_listener), Cell::Needs(slot_is_ours_to_fill))),
    row_of(Guard::G4, "running, nothing under way", all(quiet)),
    row_of(Guard::G5, "nobody is cut off", [
        Cell::Needs(every_cluster_proven), Cell::Needs(every_cluster_proven),
        Cell::Needs(nobody_known_needs_it), Cell::Needs(nobody_known_needs_it),
        Cell::Needs(admits_every_needed_source), Cell::Free("it cuts nobody off"),
    ]),
    row_of(Guard::G6, "not waived, no protection marker", changes(wanted_by_nobody, "the marker is about changes, not their undoing")),
    row_of(Guard::G7, "inside the change window", changes(within_window, "an outage does not wait for a window")),
    row_of(Guard::G8, "budget and blast radius left", changes(budget_left, "an outage does not wait for a budget")),
    row_of(Guard::G9, "approved", changes(approvals_valid, APPROVED_WITH_IT)),
    row_of(Guard::G10, "kill switch readable and off", all(kill_switch_off)),
    row_of(Guard::G11, "we do not lock ourselves out", changes(not_our_own_way, "it opens a way")),
    row_of(Guard::G12, "the way back can be insured",
        by_change(insurable, Cell::Free("its way back needs nothing that could be lost: ACLs that exist are not edited"), Cell::Free("it is the way back"))),
    row_of(Guard::G13, "no foreign write in the audit trail", changes(trail_quiet, "the slot was read free of others' settings")),
    row_of(Guard::G14, "clocks agree", all(clock_agrees)),
    row_of(Guard::G15, "no other component of the mesh changed lately", changes(component_rested, "it restores what was")),
];
