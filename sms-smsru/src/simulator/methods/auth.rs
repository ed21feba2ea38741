//! Credentials of a call: API id, login and password, or a token of an old client.

use std::net::IpAddr;

use sha2::{Digest, Sha512};

use crate::hex::hex;
use crate::simulator::config::SimulatorConfig;
use crate::simulator::model::tokens::Tokens;
use crate::simulator::params::Params;

/// Checks the credentials of a call.
///
/// # Errors
///
/// The code of the refusal: 200 for a wrong or missing API id, 300 for a token, 301 for a login or
/// password, 302 for an account that is not confirmed.
pub(crate) fn check(
    config: &SimulatorConfig,
    tokens: &Tokens,
    params: &Params,
    now_ms: i64,
    peer: IpAddr,
) -> Result<(), i32> {
    // The official PHP library sends "none" as the API id when it has a login.
    let api_id = params.get("api_id").filter(|api_id| *api_id != "none");
    match (params.get("login"), api_id) {
        (Some(login), _) if params.get("password").is_some() || params.get("token").is_some() => {
            let (own_login, password) = config.login.as_ref().ok_or(301)?;
            let is_valid = own_login == login
                && knows_password(config, password, tokens, params, now_ms, peer)?;
            is_valid.then_some(()).ok_or(301)?;
        }
        (_, Some(api_id)) if api_id == config.api_id => {}
        _ => return Err(200),
    }
    if config.confirmed { Ok(()) } else { Err(302) }
}

/// Checks the password, or its hash together with a token.
fn knows_password(
    config: &SimulatorConfig,
    password: &str,
    tokens: &Tokens,
    params: &Params,
    now_ms: i64,
    peer: IpAddr,
) -> Result<bool, i32> {
    let Some(token) = params.get("token") else {
        return Ok(params.get("password") == Some(password));
    };
    if !tokens.is_valid(token, now_ms, peer) {
        return Err(300);
    }
    let given = params.get("sha512").unwrap_or_default().to_ascii_lowercase();
    let plain = format!("{password}{token}");
    let with_api_id = format!("{plain}{}", config.api_id);
    Ok([plain, with_api_id].iter().any(|signed| hex(&Sha512::digest(signed)) == given))
}
