//! How the stand-in behaves: calm and with Connect's own limits, unless told otherwise.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Where an instance's identities live; fixed when the instance is made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum IdentityManagement {
    /// Amazon Connect keeps names and passwords itself.
    ConnectManaged,
    /// An AWS Directory Service directory keeps them.
    ExistingDirectory,
    /// A SAML 2.0 identity provider signs users in.
    #[default]
    Saml,
}

impl IdentityManagement {
    pub(super) const ALL: [Self; 3] = [Self::Saml, Self::ConnectManaged, Self::ExistingDirectory];

    /// The name that `DescribeInstance` gives it (`IdentityManagementType`).
    pub fn name(self) -> &'static str {
        match self {
            Self::ConnectManaged => "CONNECT_MANAGED",
            Self::ExistingDirectory => "EXISTING_DIRECTORY",
            Self::Saml => "SAML",
        }
    }
}

impl FromStr for IdentityManagement {
    type Err = String;

    /// Reads the name that `DescribeInstance` gives it; the error lists the three there are.
    fn from_str(name: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|identity| identity.name() == name).ok_or_else(|| {
            format!("expected {}, found `{name}`", Self::ALL.map(Self::name).join(", "))
        })
    }
}

impl fmt::Display for IdentityManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What can be chosen about a stand-in before it starts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settings {
    /// The rules of identity by which users are created and updated. Default: SAML.
    pub identity: IdentityManagement,
    /// Whether calls are held to 2 a second, burst 5, for each operation. Default: yes.
    pub throttle: bool,
    /// How long `SearchUsers` does not see a new user and still sees a deleted one. Default: 0.
    pub search_lag: Duration,
    /// How long calls that name a new user answer `ResourceNotFoundException`. Default: 0.
    pub not_found: Duration,
    /// How many users the instance holds before `LimitExceededException`. Default: 500.
    pub user_quota: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            identity: IdentityManagement::default(),
            throttle: true,
            search_lag: Duration::ZERO,
            not_found: Duration::ZERO,
            user_quota: 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_type_is_read_by_the_name_it_shows() {
        for identity in IdentityManagement::ALL {
            assert_eq!(identity.to_string().parse(), Ok(identity));
        }
        assert_eq!(
            "saml".parse::<IdentityManagement>().unwrap_err(),
            "expected SAML, CONNECT_MANAGED, EXISTING_DIRECTORY, found `saml`",
        );
    }
}
