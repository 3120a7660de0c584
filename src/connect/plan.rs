//! What Connect should hold + what it holds → the calls to make. Pure, so a dry run is free.

use std::collections::BTreeMap;

use super::UserIds;
use crate::assign::Agent;
use crate::fault::{Fault, Kind};

/// What Connect holds under a username.
#[derive(Clone, PartialEq, Eq)]
pub struct Observed {
    /// Its ids.
    pub ids: UserIds,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// One Amazon Connect call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// CreateUser.
    CreateUser(&'a Agent),
}

/// The calls that lead from what Connect holds to what it should hold; none if the user is there.
///
/// # Errors
/// [`Kind::Uniqueness`] if the username belongs to a user that this deployment did not create for
/// this person.
pub fn plan<'a>(agent: &'a Agent, observed: Option<&Observed>) -> Result<Vec<Step<'a>>, Fault> {
    match observed {
        None => Ok(vec![Step::CreateUser(agent)]),
        Some(observed) if agent.owner.owns(&observed.tags) => Ok(Vec::new()),
        Some(_) => Err(Fault::new(
            Kind::Uniqueness,
            "userName: expected a username that is free or was created here for this person, \
             found a user in Amazon Connect that was not; remove that user, or choose another \
             userName",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assign::tests::{agent, ana};

    fn observed(tags: impl IntoIterator<Item = (String, String)>) -> Observed {
        let ids = UserIds { id: "u".to_owned(), arn: "a".to_owned() };
        Observed { ids, tags: tags.into_iter().collect() }
    }

    #[test]
    fn a_missing_user_is_created_and_one_of_ours_is_left_alone() {
        let agent = agent(ana()).unwrap();
        assert_eq!(plan(&agent, None).unwrap(), [Step::CreateUser(&agent)]);
        assert_eq!(plan(&agent, Some(&observed(agent.owner.tags()))).unwrap(), []);
    }

    #[test]
    fn a_foreign_user_is_never_touched() {
        let agent = agent(ana()).unwrap();
        for tags in [vec![], agent.owner.tags()[..2].to_vec()] {
            assert_eq!(plan(&agent, Some(&observed(tags))).unwrap_err().kind, Kind::Uniqueness);
        }
    }
}
