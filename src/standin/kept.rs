//! A user as the instance keeps it: packed, and unpacked for whoever looks closer than at its name.

use std::cell::OnceCell;

use super::create_user::CreateUser;
use crate::pack::{pack, unpack};

/// What `CreateUser` was told and the updates changed.
pub(super) struct StoredUser {
    username: Box<str>,
    /// Never given back, so it is in no document; but the rules look whether there is one.
    password: Option<Box<str>>,
    packed: Box<[u8]>,
}

impl StoredUser {
    /// Keeps a user; what was left out has its default.
    pub(super) fn of(details: CreateUser) -> Self {
        let details = details.kept();
        // A document that came as JSON can be written as JSON.
        let packed = pack(&details).unwrap_or_default();
        let password = details.password.map(String::into_boxed_str);
        Self { username: details.username.into_boxed_str(), password, packed }
    }

    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// All of it.
    pub(super) fn details(&self) -> CreateUser {
        let password = self.password.as_deref().map(str::to_owned);
        CreateUser { password, ..unpack(&self.packed).unwrap_or_default() }
    }
}

/// A user that is looked at, and unpacked if more than its name is asked for.
pub(super) struct UserView<'u> {
    kept: &'u StoredUser,
    details: OnceCell<CreateUser>,
}

impl<'u> UserView<'u> {
    /// Looks at a user.
    pub(super) const fn at(kept: &'u StoredUser) -> Self {
        Self { kept, details: OnceCell::new() }
    }

    pub(super) fn username(&self) -> &str {
        self.kept.username()
    }

    pub(super) fn details(&self) -> &CreateUser {
        self.details.get_or_init(|| self.kept.details())
    }
}
