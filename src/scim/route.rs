//! URL path → SCIM endpoint (RFC 7644 §3.2, table 2).

use crate::fault::{Fault, Kind};
use crate::http::{SCIM, percent_decoded};

/// The two endpoints with resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/Users`.
    Users,
    /// `/Groups`.
    Groups,
}

/// The endpoint at a path below `/scim/v2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimRoute {
    /// `/Users` or `/Groups`.
    All(Endpoint),
    /// `/Bulk`, which is not offered (RFC 7644 §3.7).
    Bulk,
    /// `/Me`, which is not offered: the client is a machine and not a user (RFC 7644 §3.11).
    Me,
    /// `/Users/{id}` or `/Groups/{id}`.
    One(Endpoint, String),
    /// `/ResourceTypes`, or one by its name.
    ResourceTypes(Option<String>),
    /// `/Schemas`, or one by its URN.
    Schemas(Option<String>),
    /// `.search`, a query by POST: of one endpoint, or of both (RFC 7644 §3.4.3).
    Search(Option<Endpoint>),
    /// `/ServiceProviderConfig` (RFC 7643 §5).
    ServiceProviderConfig,
}

impl ScimRoute {
    /// Parses a path. Everything but ids matches in any case. Empty segments are ignored: a base
    /// URL that ends in a slash produces one.
    ///
    /// # Errors
    /// [`Kind::UnknownRoute`].
    pub fn find(path: &str) -> Result<Self, Fault> {
        let rest = path.strip_prefix(SCIM).unwrap_or_default();
        let segments = rest.split('/').filter(|segment| !segment.is_empty());
        let segments: Vec<String> = segments.map(percent_decoded).collect();
        let [name, rest @ ..] = segments.as_slice() else { return Err(unknown()) };
        // Microsoft's own tests ask for /users, and others for /serviceproviderconfig.
        let is = |own: &&str| own.eq_ignore_ascii_case(name);
        let Some(name) = NAMES.into_iter().find(is) else { return Err(unknown()) };
        Ok(match (name, rest) {
            (SEARCH, []) => Self::Search(None),
            ("Me", _) => Self::Me,
            ("Bulk", []) => Self::Bulk,
            ("ResourceTypes", []) => Self::ResourceTypes(None),
            ("ResourceTypes", [name]) => Self::ResourceTypes(Some(name.clone())),
            ("Schemas", []) => Self::Schemas(None),
            ("Schemas", [urn]) => Self::Schemas(Some(urn.clone())),
            ("ServiceProviderConfig", []) => Self::ServiceProviderConfig,
            ("Users", rest) => Self::within(Endpoint::Users, rest)?,
            ("Groups", rest) => Self::within(Endpoint::Groups, rest)?,
            _ => return Err(unknown()),
        })
    }

    /// Parses the segments below `/Users` or `/Groups`.
    fn within(endpoint: Endpoint, rest: &[String]) -> Result<Self, Fault> {
        match rest {
            [] => Ok(Self::All(endpoint)),
            [name] if name.eq_ignore_ascii_case(SEARCH) => Ok(Self::Search(Some(endpoint))),
            [id] => Ok(Self::One(endpoint, id.clone())),
            _ => Err(unknown()),
        }
    }

    /// Checks the method.
    ///
    /// # Errors
    /// [`Kind::WrongMethod`] with the allowed methods; [`Kind::NotOffered`] at `/Me` and `/Bulk`.
    pub fn check(&self, method: &str) -> Result<(), Fault> {
        let allow: &[&str] = match self {
            Self::All(_) => &["GET", "POST"],
            Self::Bulk => return Err(Fault::new(Kind::NotOffered, NO_BULK)),
            Self::Me => return Err(Fault::new(Kind::NotOffered, NO_SUBJECT)),
            Self::One(_, _) => &["GET", "PUT", "PATCH", "DELETE"],
            Self::ResourceTypes(_) | Self::Schemas(_) | Self::ServiceProviderConfig => &["GET"],
            Self::Search(_) => &["POST"],
        };
        if allow.contains(&method) {
            return Ok(());
        }
        let detail = format!("method: expected {}, found another", allow.join(" or "));
        Err(Fault::new(Kind::WrongMethod { allow }, detail))
    }
}

impl ScimRoute {
    /// The name of the action in the log; `None` if the method is not allowed.
    #[must_use]
    pub fn intent(&self, method: &str) -> Option<&'static str> {
        use Endpoint::{Groups, Users};
        Some(match (self, method) {
            (Self::All(Users), "GET") => "listUsers",
            (Self::All(Users), "POST") => "createUser",
            (Self::One(Users, _), "GET") => "readUser",
            (Self::One(Users, _), "PUT") => "replaceUser",
            (Self::One(Users, _), "PATCH") => "patchUser",
            (Self::One(Users, _), "DELETE") => "removeUser",
            (Self::All(Groups), "GET") => "listGroups",
            (Self::All(Groups), "POST") => "createGroup",
            (Self::One(Groups, _), "GET") => "readGroup",
            (Self::One(Groups, _), "PUT") => "replaceGroup",
            (Self::One(Groups, _), "PATCH") => "patchGroup",
            (Self::One(Groups, _), "DELETE") => "removeGroup",
            (Self::Search(_), "POST") => "search",
            (Self::ResourceTypes(_) | Self::Schemas(_) | Self::ServiceProviderConfig, "GET") => {
                "discover"
            }
            _ => return None,
        })
    }
}

/// The last path segment of a query by POST (RFC 7644 §3.4.3).
const SEARCH: &str = ".search";

/// The first path segments below `/scim/v2`, which match in any case.
const NAMES: [&str; 8] =
    ["Users", "Groups", SEARCH, "ServiceProviderConfig", "ResourceTypes", "Schemas", "Bulk", "Me"];

const NO_BULK: &str = "/Bulk is not offered, as /ServiceProviderConfig says; send each operation by \
    itself";

const NO_SUBJECT: &str = "/Me is not offered: a client here is a machine and no user; use \
    /Users/{id}";

fn unknown() -> Fault {
    Fault::new(
        Kind::UnknownRoute,
        "path: expected Users, Groups, .search, ServiceProviderConfig, ResourceTypes or Schemas \
         below /scim/v2, found another",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_and_nothing_else() {
        use Endpoint::{Groups, Users};
        let urn = "urn:ietf:params:scim:schemas:core:2.0:User";
        for (path, place) in [
            ("/scim/v2/Users", ScimRoute::All(Users)),
            ("/scim/v2//Groups/", ScimRoute::All(Groups)),
            ("/scim/v2/users", ScimRoute::All(Users)),
            ("/scim/v2/Bulk", ScimRoute::Bulk),
            ("/scim/v2/Users/a%2Fb", ScimRoute::One(Users, "a/b".to_owned())),
            ("/scim/v2/Groups/.search", ScimRoute::Search(Some(Groups))),
            ("/scim/v2/.search", ScimRoute::Search(None)),
            ("/scim/v2/Me", ScimRoute::Me),
            ("/scim/v2/Schemas", ScimRoute::Schemas(None)),
            (&format!("/scim/v2/Schemas/{urn}"), ScimRoute::Schemas(Some(urn.to_owned()))),
            ("/scim/v2/ResourceTypes/User", ScimRoute::ResourceTypes(Some("User".to_owned()))),
            ("/scim/v2/ServiceProviderConfig", ScimRoute::ServiceProviderConfig),
            ("/scim/v2/serviceproviderconfig", ScimRoute::ServiceProviderConfig),
            ("/scim/v2/resourcetypes/user", ScimRoute::ResourceTypes(Some("user".to_owned()))),
            ("/scim/v2/SCHEMAS", ScimRoute::Schemas(None)),
            ("/scim/v2/users/.SEARCH", ScimRoute::Search(Some(Users))),
            ("/scim/v2/bulk", ScimRoute::Bulk),
            ("/scim/v2/me", ScimRoute::Me),
        ] {
            assert_eq!(ScimRoute::find(path), Ok(place), "{path}");
        }
        for path in [
            "/scim/v2",
            "/scim/v2/",
            "/scim/v2/Users/1/2",
            "/scim/v2/X",
            "/scim/v2/Bulk/1",
            "/scim/v2/.search/1",
            "/scim/v2/Schemas/1/2",
        ] {
            assert_eq!(ScimRoute::find(path).unwrap_err().kind, Kind::UnknownRoute, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        let refused =
            |path: &str, method| ScimRoute::find(path).unwrap().check(method).unwrap_err();
        assert_eq!(refused("/scim/v2/Schemas", "POST").kind, Kind::WrongMethod { allow: &["GET"] });
        assert_eq!(
            refused("/scim/v2/Users/1", "POST").kind,
            Kind::WrongMethod { allow: &["GET", "PUT", "PATCH", "DELETE"] }
        );
        assert_eq!(refused("/scim/v2/Me", "GET").kind, Kind::NotOffered);
    }

    #[test]
    fn what_may_be_asked_has_a_word_of_its_own_in_the_log() {
        let paths = ["Users", "Users/1", "Groups", "Groups/1", ".search", "Bulk", "Me", "Schemas"];
        let mut intents = Vec::new();
        for path in paths {
            let place = ScimRoute::find(&format!("/scim/v2/{path}")).unwrap();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] {
                let intent = place.intent(method);
                assert_eq!(intent.is_some(), place.check(method).is_ok(), "{method} {path}");
                intents.extend(intent);
            }
        }
        let words = intents.len();
        intents.sort_unstable();
        intents.dedup();
        assert_eq!((intents.len(), words), (14, 14));
    }
}
