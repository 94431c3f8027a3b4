//! What of a run is meant, what of that may be planned, and why the rest is not.

use crate::{
    analysis,
    config::Config,
    findings::Run,
    model::{AccountId, EndpointJudgement, Exposure},
    remediate::{
        LeftOut,
        document::Reason,
        eligible::{self, Proposal, Surroundings},
        select::{Candidate, Dimension, Groups, Names, Selector, environment},
    },
};

/// What a selection comes to.
pub(crate) struct Draft {
    /// Meant, and may be planned.
    pub(super) candidates: Vec<Candidate>,
    /// Meant, and not planned.
    pub(super) left_out: Vec<LeftOut>,
    /// May be planned, whatever was meant: endpoint and action.
    pub(super) possible: Vec<(String, &'static str)>,
    /// Words that nothing in the run has.
    pub(super) strangers: Vec<(Dimension, String)>,
    /// The account that is spoken of where nothing is planned.
    pub(super) account: AccountId,
    /// Nothing was said that anything could be meant by.
    pub(super) means_nothing: bool,
}

/// An endpoint with what can be done about it.
struct Seen<'a> {
    judged: &'a EndpointJudgement,
    names: Names,
    environment: String,
    proposed: Result<Proposal, Vec<Reason>>,
}

impl Draft {
    pub(super) fn of(run: &Run, selector: &Selector, config: &Config) -> Self {
        let seen = seen(run, config);
        let groups = Groups::of(&run.judgements.endpoints);
        let (mut candidates, mut left_out) = (Vec::new(), Vec::new());
        for one in &seen {
            let endpoint_id = one.judged.endpoint.id();
            let name = one.judged.resource_name.clone();
            match &one.proposed {
                Ok(proposal) if selector.picks(&one.names) => candidates.push(Candidate {
                    name,
                    proposal: proposal.clone(),
                    environment: one.environment.clone(),
                    group: groups.name(&one.judged.endpoint.resource_id),
                }),
                Ok(_) => {}
                // What is private needs nothing; who names it is told so.
                Err(reasons) if selector.picks_but_for_action(&one.names) && is_told(one.judged, selector) => {
                    left_out.push(LeftOut { endpoint_id, name, reasons: reasons.clone() });
                }
                Err(_) => {}
            }
        }
        let possible =
            seen.iter().filter_map(|one| Some((one.judged.endpoint.id(), word(one.proposed.as_ref().ok()?))));
        Self {
            possible: possible.collect(),
            strangers: selector.strangers(seen.iter().map(|one| &one.names)),
            account: run.header.caller.first().map(|caller| caller.account_id.clone()).unwrap_or_default(),
            means_nothing: selector.means_nothing(),
            candidates,
            left_out,
        }
    }

    /// Why there is no action.
    pub(super) fn nothing(&self) -> String {
        match (self.means_nothing, self.possible.len()) {
            (true, 0) => "0 actions: nothing is selected, and nothing could be planned".to_owned(),
            (true, count) => format!(
                "0 actions: nothing is selected. {count} could be planned: name them with --endpoint, --resource, --finding, \
                 …, or all of them with --all"
            ),
            (false, _) => "0 actions: nothing that is selected can be planned".to_owned(),
        }
    }
}

fn word(proposal: &Proposal) -> &'static str {
    match proposal.change {
        crate::remediate::Change::Unbind { .. } => "unbind",
        crate::remediate::Change::Fence { .. } => "fence",
    }
}

fn is_told(judged: &EndpointJudgement, selector: &Selector) -> bool {
    judged.exposure != Exposure::Private || selector.names_one()
}

fn seen<'a>(run: &'a Run, config: &Config) -> Vec<Seen<'a>> {
    let settings = &config.remediation.environments;
    let surroundings = Surroundings::of(&run.judgements.endpoints, &run.findings);
    let look = |judged: &'a EndpointJudgement| {
        let required = analysis::required_by_vendor(judged.endpoint.kind);
        let known = surroundings.known(judged, &required);
        let proposed = eligible::propose(known);
        let environment = environment(&judged.tags, &settings.tag, &settings.production);
        let action = proposed.as_ref().ok().map(word);
        Seen { judged, names: Names::of(judged, known.findings, &environment, action), environment, proposed }
    };
    run.judgements.endpoints.iter().map(look).collect()
}
