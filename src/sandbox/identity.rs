//! Who is asking: keys, assumed roles and their tokens, replayed nonces and clocks.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use chrono::{DateTime, NaiveDateTime, Utc};
use hyper::HeaderMap;
use uuid::Uuid;

use super::{
    clock::WorldClock,
    fault::expired_token,
    reply::ApiError,
    sign::{Incoming, Presented, header},
    sign_log,
    world::{Account, World},
};

/// The vendor refuses a request whose date is further off than this.
const DATE_WINDOW: Duration = Duration::from_secs(15 * 60);

/// How dates of requests and of credentials are written.
const DATE_FORMAT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// How dates of requests to the log service are written.
const LOG_DATE_FORMAT: &str = "%Y%m%dT%H%M%SZ";

/// Who a request comes from.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: Arc<Account>,
    /// `Some` for temporary credentials.
    pub(super) token: Option<String>,
    pub(super) role: Option<AssumedRole>,
    pub(super) access_key_id: String,
}

/// A role session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AssumedRole {
    pub(super) role: String,
    pub(super) session: String,
}

/// Temporary credentials as STS hands them out.
#[derive(Clone, Debug)]
pub(super) struct Temporary {
    pub(super) access_key_id: String,
    pub(super) access_key_secret: String,
    pub(super) security_token: String,
    pub(super) expiration: String,
}

#[derive(Debug)]
struct Session {
    account: Arc<Account>,
    role: AssumedRole,
    access_key_secret: String,
    security_token: String,
    expires: SystemTime,
}

/// Everything that authentication remembers.
#[derive(Debug)]
pub(super) struct Identities {
    /// Permanent keys: whose, and the secret.
    keys: HashMap<String, (Arc<Account>, String)>,
    accounts: Vec<Arc<Account>>,
    sessions: Mutex<HashMap<String, Session>>,
    nonces: Mutex<Nonces>,
    clock: Arc<WorldClock>,
}

impl Identities {
    pub(super) fn new(world: &World, clock: Arc<WorldClock>) -> Self {
        let keys = world.accounts().iter().flat_map(|account| {
            account
                .keys
                .iter()
                .map(|key| (key.access_key_id.clone(), (Arc::clone(account), key.access_key_secret.clone())))
        });
        Self {
            keys: keys.collect(),
            accounts: world.accounts().to_vec(),
            sessions: Mutex::default(),
            nonces: Mutex::new(Nonces::new(clock.wall())),
            clock,
        }
    }

    /// Checks key, token, signature, date and nonce, in the vendor's order.
    pub(super) fn authenticate(&self, incoming: Incoming<'_>, presented: &Presented) -> Result<Caller, ApiError> {
        let token = header(incoming.headers, "x-acs-security-token");
        let (caller, secret) = self.credentials(&presented.access_key_id, token)?;
        presented.verify(incoming, &secret)?;
        check_date(incoming.headers, self.clock.wall())?;
        self.use_nonce(incoming.headers)?;
        Ok(caller)
    }

    /// Checks key, token, signature and date of a request to the log service, which has no nonce.
    pub(super) fn authenticate_log(&self, incoming: Incoming<'_>, region: &str) -> Result<Caller, ApiError> {
        let presented = sign_log::Presented::from_headers(incoming.headers)?;
        let token = header(incoming.headers, "x-acs-security-token");
        let (caller, secret) = self.credentials(&presented.access_key_id, token)?;
        presented.verify(incoming, region, &secret)?;
        let date = header(incoming.headers, "x-log-date").unwrap_or_default();
        let date = NaiveDateTime::parse_from_str(date, LOG_DATE_FORMAT).map(|date| date.and_utc());
        let is_fresh = |date: DateTime<Utc>| {
            (DateTime::<Utc>::from(self.clock.wall()) - date).abs().to_std().is_ok_and(|off| off <= DATE_WINDOW)
        };
        if date.is_ok_and(is_fresh) {
            return Ok(caller);
        }
        Err(ApiError::new(400, "RequestTimeTooSkewed", "The date of the request and the server's differ too much."))
    }

    fn credentials(&self, access_key_id: &str, token: Option<&str>) -> Result<(Caller, String), ApiError> {
        if let Some((account, secret)) = self.keys.get(access_key_id) {
            if token.is_some() {
                return Err(ApiError::new(
                    400,
                    "InvalidSecurityToken.MismatchWithAccessKey",
                    "Specified SecurityToken mismatch with the AccessKey.",
                ));
            }
            let caller = Caller {
                account: Arc::clone(account),
                token: None,
                role: None,
                access_key_id: access_key_id.to_owned(),
            };
            return Ok((caller, secret.clone()));
        }
        let sessions = lock(&self.sessions);
        let Some(session) = sessions.get(access_key_id) else {
            return Err(ApiError::new(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."));
        };
        match token {
            None => {
                return Err(ApiError::new(400, "MissingSecurityToken", "SecurityToken is mandatory for this action."));
            }
            Some(token) if token != session.security_token => {
                return Err(ApiError::new(
                    400,
                    "InvalidSecurityToken.Malformed",
                    "Specified SecurityToken is malformed.",
                ));
            }
            Some(_) if session.expires <= self.clock.wall() => return Err(expired_token()),
            Some(_) => {}
        }
        let caller = Caller {
            account: Arc::clone(&session.account),
            token: token.map(str::to_owned),
            role: Some(session.role.clone()),
            access_key_id: access_key_id.to_owned(),
        };
        Ok((caller, session.access_key_secret.clone()))
    }

    fn use_nonce(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let nonce = header(headers, "x-acs-signature-nonce").unwrap_or_default();
        if lock(&self.nonces).insert(nonce, self.clock.wall()) {
            return Ok(());
        }
        Err(ApiError::new(400, "SignatureNonceUsed", "Specified signature nonce was used already."))
    }

    /// What the world's clock on the wall says.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.wall()
    }

    /// The account with an id.
    pub(super) fn account(&self, id: &str) -> Option<&Arc<Account>> {
        self.accounts.iter().find(|account| account.id == id)
    }

    /// Opens a role session.
    pub(super) fn assume(&self, account: &Arc<Account>, role: AssumedRole, duration: Duration) -> Temporary {
        let expires = self.clock.wall() + duration;
        let temporary = Temporary {
            access_key_id: format!("STS.{}", random_text()),
            access_key_secret: random_text(),
            security_token: format!("CAIS{}{}+/==", random_text(), random_text()),
            expiration: DateTime::<Utc>::from(expires).format(DATE_FORMAT).to_string(),
        };
        let session = Session {
            account: Arc::clone(account),
            role,
            access_key_secret: temporary.access_key_secret.clone(),
            security_token: temporary.security_token.clone(),
            expires,
        };
        lock(&self.sessions).insert(temporary.access_key_id.clone(), session);
        temporary
    }

    /// Ends a session before its time.
    pub(super) fn kill(&self, access_key_id: &str) {
        if let Some(session) = lock(&self.sessions).get_mut(access_key_id) {
            session.expires = SystemTime::UNIX_EPOCH;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn random_text() -> String {
    Uuid::new_v4().simple().to_string()
}

fn check_date(headers: &HeaderMap, now: SystemTime) -> Result<(), ApiError> {
    let date = header(headers, "x-acs-date").unwrap_or_default();
    let Ok(date) = NaiveDateTime::parse_from_str(date, DATE_FORMAT) else {
        return Err(ApiError::new(
            400,
            "InvalidTimeStamp.Format",
            "Specified time stamp or date value is not well formatted.",
        ));
    };
    let off = (DateTime::<Utc>::from(now) - date.and_utc()).abs();
    if off.to_std().is_ok_and(|off| off <= DATE_WINDOW) {
        return Ok(());
    }
    Err(ApiError::new(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."))
}

/// Nonces are remembered for as long as a request that carries one could pass the date check, in
/// two halves of which the older one is dropped.
#[derive(Debug)]
struct Nonces {
    young: HashSet<Box<str>>,
    old: HashSet<Box<str>>,
    since: SystemTime,
}

impl Nonces {
    fn new(now: SystemTime) -> Self {
        Self { young: HashSet::new(), old: HashSet::new(), since: now }
    }

    /// False if the nonce was used before.
    fn insert(&mut self, nonce: &str, now: SystemTime) -> bool {
        if now.duration_since(self.since).is_ok_and(|age| age > 2 * DATE_WINDOW) {
            self.old = std::mem::take(&mut self.young);
            self.since = now;
        }
        !self.old.contains(nonce) && self.young.insert(nonce.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_works_once_within_the_window() {
        let start = SystemTime::UNIX_EPOCH;
        let mut nonces = Nonces::new(start);
        assert!(nonces.insert("a", start));
        assert!(!nonces.insert("a", start + DATE_WINDOW));
        assert!(nonces.insert("b", start + 2 * DATE_WINDOW + Duration::from_secs(1)));
        assert!(!nonces.insert("a", start + 2 * DATE_WINDOW + Duration::from_secs(2)));
        assert!(nonces.insert("c", start + 5 * DATE_WINDOW));
        assert!(nonces.insert("a", start + 5 * DATE_WINDOW));
    }

    #[test]
    fn dates_are_checked_on_both_sides() {
        let now = DateTime::parse_from_rfc3339("2026-01-02T03:04:05Z").expect("a date").to_utc();
        let check = |text: &str| {
            let headers = HeaderMap::from_iter([(
                hyper::header::HeaderName::from_static("x-acs-date"),
                text.parse().expect("a value"),
            )]);
            check_date(&headers, now.into()).map_err(|error| error.code.into_owned())
        };
        assert_eq!(check("2026-01-02T03:04:05Z"), Ok(()));
        assert_eq!(check("2026-01-02T03:19:05Z"), Ok(()));
        assert_eq!(check("2026-01-02T02:49:05Z"), Ok(()));
        assert_eq!(check("2026-01-02T03:19:06Z"), Err("InvalidTimeStamp.Expired".to_owned()));
        assert_eq!(check("2026-01-02T02:49:04Z"), Err("InvalidTimeStamp.Expired".to_owned()));
        assert_eq!(check("2026-01-02 03:04:05"), Err("InvalidTimeStamp.Format".to_owned()));
        assert_eq!(check(""), Err("InvalidTimeStamp.Format".to_owned()));
    }
}
