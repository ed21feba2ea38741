//! Roles of a process.

/// A role of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Serves the REST API.
    Api,
    /// Sends messages.
    Worker,
    /// Serves the web UI.
    Ui,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Ui];

    /// The name used in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Ui => "ui",
        }
    }
}

/// Reads the names of roles. The error is the rule that they break.
pub(super) fn read_all(names: &[&str]) -> Result<Vec<Role>, String> {
    let mut roles = Vec::new();
    for name in names {
        let Some(role) = Role::ALL.into_iter().find(|role| role.as_str() == *name) else {
            return Err(format!("holds the unknown role `{name}`; known are api, worker, ui"));
        };
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    if !roles.contains(&Role::Api) && !roles.contains(&Role::Worker) {
        return Err("must name api, worker or both: `ui` serves nothing by itself".to_owned());
    }
    if roles.contains(&Role::Ui) && !roles.contains(&Role::Api) {
        return Err("must name api where it names ui: the pages call the API".to_owned());
    }
    Ok(roles)
}
