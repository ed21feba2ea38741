//! `POST /v1/imports`.

use std::collections::HashSet;

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sms_core::registry::Expect;
use sms_core::worklists::requests::AppendItems;
use sms_core::{MessageId, PhoneNumber, Scope};

use super::checking::{CheckedFile, Chunk, OpenFile};
use super::cost::{Amount, cost_of};
use super::options::ImportOptions;
use super::view::ImportDetails;
use crate::app::App;
use crate::bulk::Bulk;
use crate::bulk::import::{Import, SameFile};
use crate::http::auth::Caller;
use crate::http::location::location;
use crate::http::params::Params;
use crate::http::problem::Problem;
use crate::keys::{KeyScope, Principal};
use crate::rest::upload::{Upload, interrupted};

/// Imports of one client at most that were not sent.
const MAX_IMPORTS: usize = 20;

/// `POST /v1/imports`: checks a file and keeps its rows. Nothing is sent.
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    OriginalUri(uri): OriginalUri,
    params: Params,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Problem> {
    let caller = caller.with(KeyScope::Send)?;
    let bulk = app.bulk().ok_or_else(Problem::no_such_path)?;
    // The body is read first: a client that is still sending may not see an earlier reply.
    let upload = Upload::read(&app, &caller, &headers, &mut body).await?;
    let options = ImportOptions::read(params, &app.0.sender)?;
    let earlier = bulk.list::<Import>(&Scope::Owner(caller.owner().to_owned())).await?;
    check_number(bulk, &earlier)?;
    let file = OpenFile::open(upload, &app, caller.clone(), options).await?;
    let import = keep(&app, bulk, &caller, file, &earlier).await?;
    tracing::info!(
        import = import.id,
        by = import.by,
        valid = import.counts.valid,
        invalid = import.counts.invalid,
        "file checked"
    );
    let location = location(&app.0.site, &uri, "/v1/imports", &import.id)?;
    let details = ImportDetails::read(&app, bulk, import).await?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(details)).into_response())
}

/// Checks the rows of a file and writes them as they are checked.
async fn keep(
    app: &App,
    bulk: &Bulk,
    caller: &Principal,
    file: OpenFile,
    earlier: &[Import],
) -> Result<Import, Problem> {
    let now = bulk.now();
    let id = MessageId::new().to_string();
    let mut import = Import::new(id, caller.owner(), caller.by(), file.found.clone(), now);
    import.route = caller.route().map(str::to_owned);
    let mut sent = earlier.iter().filter(|it| it.has_sent(&import.file.digest, now));
    import.same_file =
        sent.next().and_then(|it| Some(SameFile { import: it.id.clone(), sent_at: it.sent_at? }));
    // The header comes first, so that items are never without one, which leads to their removal.
    bulk.put(&import, Expect::Absent).await?;
    let (mut chunks, check) = file.check();
    let mut stopped = Amount { messages: 0, parts: 0 };
    while let Some(Chunk { items, recipients }) = chunks.recv().await {
        bulk.worklists.append(AppendItems::new(&import.id, items)).await?;
        stopped.add(stopped_of(app, &recipients).await?);
    }
    let file = check.await.map_err(interrupted)??;
    import.cost = cost_of(app, caller, &file, stopped).await?;
    let CheckedFile { mailing, counts, preview, .. } = file;
    (import.mailing, import.counts, import.preview) = (mailing, counts, preview);
    import.counts.on_stop_list = stopped.messages;
    // Lists can be filtered by the reference, and so show the messages of an import.
    let reference = &mut import.mailing.options.reference;
    if reference.is_none() {
        *reference = Some(import.id.clone());
    }
    import.set_checked();
    bulk.put(&import, Expect::Anything).await?;
    Ok(import)
}

/// The messages to numbers on the stop-list.
async fn stopped_of(app: &App, recipients: &[(PhoneNumber, u8)]) -> Result<Amount, Problem> {
    let mut stopped = Amount { messages: 0, parts: 0 };
    let Some(stop_list) = &app.0.stop_list else { return Ok(stopped) };
    let numbers: Vec<PhoneNumber> = recipients.iter().map(|(to, _)| *to).collect();
    let listed: HashSet<PhoneNumber> = stop_list.listed(&numbers).await?.into_iter().collect();
    for (_, parts) in recipients.iter().filter(|(to, _)| listed.contains(to)) {
        stopped.add(Amount { messages: 1, parts: u64::from(*parts) });
    }
    Ok(stopped)
}

/// Refuses a client that has many imports which it neither sends nor removes.
fn check_number(bulk: &Bulk, imports: &[Import]) -> Result<(), Problem> {
    let now = bulk.now();
    if imports.iter().filter(|it| it.is_open(now)).count() < MAX_IMPORTS {
        return Ok(());
    }
    let detail = "this client has 20 imports that were not sent; remove some of them first";
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "imports_too_many", detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from_static("60")))
}
