//! What an operator says about the provider.

use ledger::people::{Admission, Role, Roles, SecretHash};
use openidconnect::ClientSecret;
use openidconnect::url::{Host, Url};
use serde_json::Value;
use std::str::FromStr;

/// Where the provider sends browsers back to.
pub const BACK_PATH: &str = "/sign-in/provider/back";
/// Values of a claim that roles are given for.
const MAPPED_MAX: usize = 64;
/// Values of a claim that are looked at.
const VALUES_MAX: usize = 1_000;

/// One provider, and what its word is worth here.
#[derive(Clone, Debug)]
pub struct SsoSettings {
    /// Its issuer URL, exactly as it calls itself.
    pub issuer: String,
    /// As it knows this gateway.
    pub client_id: String,
    /// What proves that; `None`: nothing but PKCE.
    pub client_secret: Option<ClientSecret>,
    /// Where browsers come back to, exactly as it was told: this portal's address and [`BACK_PATH`].
    pub redirect: String,
    /// As people call it.
    pub name: String,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// The claim that says what somebody may do; `None`: owners say it here.
    pub roles_claim: Option<String>,
    /// Which of its values stand for which roles.
    pub roles: RoleMap,
    /// Who may come in for the first time.
    pub admit: Admit,
    /// Whether it may be asked without TLS on loopback.
    pub loopback: bool,
}

/// Roles for values of a claim: `VALUE=role+role, VALUE=role`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoleMap(Vec<(String, Roles)>);

/// Who may come in for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Whoever has a link from an owner.
    Invited,
    /// Whoever has a role by the claim.
    Mapped,
    /// Everybody whom the provider knows, with these roles at least.
    Everybody(Roles),
}

/// Words with plus signs between them.
fn roles(text: &str) -> Option<Roles> {
    let mut words = text.split('+').map(|word| Role::from_word(word.trim()));
    words.try_fold(Roles::NONE, |roles, role| {
        Some(roles.with(Roles::of(&[role?])))
    })
}

/// The text is none of that form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotThat;

impl FromStr for RoleMap {
    type Err = NotThat;

    fn from_str(text: &str) -> Result<Self, NotThat> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let mapped = parts.map(|part| {
            // Values may hold an equals sign, roles never do.
            let (value, words) = part.rsplit_once('=').ok_or(NotThat)?;
            let value = value.trim();
            match value.is_empty() {
                true => Err(NotThat),
                false => Ok((value.to_owned(), roles(words).ok_or(NotThat)?)),
            }
        });
        let mapped: Vec<_> = mapped.collect::<Result<_, _>>()?;
        match mapped.len() <= MAPPED_MAX {
            true => Ok(Self(mapped)),
            false => Err(NotThat),
        }
    }
}

impl FromStr for Admit {
    type Err = NotThat;

    fn from_str(text: &str) -> Result<Self, NotThat> {
        match text.trim() {
            "invited" => Ok(Self::Invited),
            "mapped" => Ok(Self::Mapped),
            words => roles(words).map(Self::Everybody).ok_or(NotThat),
        }
    }
}

impl SsoSettings {
    /// What cannot be used about these settings, and how it should be.
    pub fn check(&self) -> Result<(), String> {
        if !self.may_ask(&self.issuer) {
            return Err(format!(
                "oidc.issuer = \"{}\": wants an https address without query, exactly as the provider \
                 calls itself",
                self.issuer
            ));
        }
        let back = Url::parse(&self.redirect).ok();
        let back = back.filter(|url| self.is_safe(url) && url.path() == BACK_PATH);
        if back.is_none_or(|url| url.query().is_some()) {
            return Err(format!(
                "portal.address gives \"{}\": wants https://, the host by which browsers reach the portal, \
                 and {BACK_PATH}",
                self.redirect
            ));
        }
        if self.client_id.is_empty() {
            return Err(
                "oidc.client_id is empty: the provider gives one for this gateway".to_owned(),
            );
        }
        if self.admit == Admit::Mapped && (self.roles_claim.is_none() || self.roles.0.is_empty()) {
            return Err(
                "oidc.admit = \"mapped\" wants oidc.roles_claim and oidc.roles as well".to_owned(),
            );
        }
        if self.roles_claim.is_some() && self.roles.0.is_empty() {
            return Err(
                "oidc.roles_claim wants oidc.roles: VALUE=role+role, VALUE=role".to_owned(),
            );
        }
        Ok(())
    }

    /// Over TLS, or on loopback where that is said.
    fn is_safe(&self, url: &Url) -> bool {
        let is_loopback = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        match url.scheme() {
            "https" => url.host().is_some(),
            "http" => self.loopback && is_loopback,
            _ => false,
        }
    }

    /// Whether an address of the provider may be asked.
    pub(super) fn may_ask(&self, address: &str) -> bool {
        Url::parse(address).is_ok_and(|url| {
            self.is_safe(&url) && url.fragment().is_none() && url.username().is_empty()
        })
    }

    /// The roles that claims give; `None` where owners give them here.
    pub(super) fn roles_of(&self, claims: &Value) -> Option<Roles> {
        let name = self.roles_claim.as_ref()?;
        // A name with dots is a whole name at some providers, and a way inside at others.
        let found = claims.get(name).or_else(|| {
            name.split('.')
                .try_fold(claims, |inside, part| inside.get(part))
        });
        let values: Vec<&str> = match found {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many
                .iter()
                .filter_map(Value::as_str)
                .take(VALUES_MAX)
                .collect(),
            _ => Vec::new(),
        };
        let mapped = self
            .roles
            .0
            .iter()
            .filter(|(value, _)| values.contains(&value.as_str()));
        Some(mapped.fold(Roles::NONE, |all, (_, roles)| all.with(*roles)))
    }

    /// Who comes in for the first time, with this link in hand.
    pub fn admission(&self, link: Option<SecretHash>) -> Admission {
        match (self.admit, link) {
            (Admit::Invited, None) => Admission::Known,
            (Admit::Invited, Some(link)) => Admission::Link(link),
            (_, Some(link)) if self.roles_claim.is_none() => Admission::Link(link),
            (Admit::Mapped, _) => Admission::With(Roles::NONE),
            (Admit::Everybody(roles), _) => Admission::With(roles),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings() -> SsoSettings {
        SsoSettings {
            issuer: "https://id.example.com/realms/one".to_owned(),
            client_id: "onecode".to_owned(),
            client_secret: None,
            redirect: format!("https://portal.example.com{BACK_PATH}"),
            name: "Example".to_owned(),
            scopes: Vec::new(),
            roles_claim: Some("realm_access.roles".to_owned()),
            roles: "boss=owner, staff=issuer+operator,a=b=auditor"
                .parse()
                .unwrap(),
            admit: Admit::Mapped,
            loopback: false,
        }
    }

    #[test]
    fn a_claim_gives_the_roles_that_its_values_stand_for_and_no_others() {
        let settings = settings();
        let roles_of = |claims: Value| settings.roles_of(&claims).unwrap().to_string();
        let inside = json!({"realm_access": {"roles": ["staff", "a=b", "owner", 7]}});
        assert_eq!(roles_of(inside), "issuer, operator, auditor");
        assert_eq!(roles_of(json!({"realm_access.roles": "boss"})), "owner");
        for nothing in [
            json!({}),
            json!({"realm_access": ["boss"]}),
            json!({"realm_access": {"roles": {"boss": true}}}),
            json!({"realm_access": {"roles": "boss staff"}}),
        ] {
            assert_eq!(roles_of(nothing), "");
        }
    }

    #[test]
    fn what_is_no_map_and_no_admission_is_refused() {
        for text in [
            "boss",
            "boss=",
            "=owner",
            "boss=king",
            "boss=owner+",
            "boss=owner;x",
        ] {
            assert_eq!(text.parse::<RoleMap>(), Err(NotThat), "{text}");
        }
        assert_eq!(" ".parse::<RoleMap>(), Ok(RoleMap::default()));
        assert_eq!("invited".parse::<Admit>(), Ok(Admit::Invited));
        let auditors = Admit::Everybody(Roles::of(&[Role::Auditor]));
        assert_eq!("auditor".parse::<Admit>(), Ok(auditors));
        assert_eq!("anybody".parse::<Admit>(), Err(NotThat));
    }

    #[test]
    fn settings_that_would_weaken_it_are_named() {
        assert_eq!(settings().check(), Ok(()));
        type Change = fn(&mut SsoSettings);
        let changes: [(&str, Change); 9] = [
            ("oidc.issuer", |s| {
                s.issuer = "http://id.example.com".to_owned()
            }),
            ("oidc.issuer", |s| {
                s.issuer = "http://127.0.0.1:8".to_owned()
            }),
            ("oidc.issuer", |s| s.issuer = "id.example.com".to_owned()),
            ("portal.address", |s| {
                s.redirect = "https://portal.example.com/".to_owned()
            }),
            ("portal.address", |s| {
                s.redirect = format!("http://portal.example.com{BACK_PATH}")
            }),
            ("portal.address", |s| s.redirect += "?next=/"),
            ("oidc.client_id", |s| s.client_id = String::new()),
            ("oidc.admit", |s| s.roles_claim = None),
            ("oidc.roles", |s| {
                (s.roles, s.admit) = (RoleMap::default(), Admit::Invited);
            }),
        ];
        for (named, change) in changes {
            let mut changed = settings();
            change(&mut changed);
            let refused = changed.check().unwrap_err();
            assert!(refused.contains(named), "{refused}");
        }
        let mut loopback = settings();
        loopback.loopback = true;
        loopback.issuer = "http://127.0.0.1:8".to_owned();
        assert_eq!(loopback.check(), Ok(()));
        loopback.issuer = "http://id.example.com".to_owned();
        assert!(loopback.check().is_err(), "loopback is no other host");
    }
}
