//! Decides which addresses requests may go to: the public internet over https, and the networks that the operator allows.
//!
//! Names are resolved here, and only addresses that passed are handed to the client, so the address that was checked is
//! the one that is connected to.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use url::{Host, Url};

use crate::error::{Error, ErrorKind};

/// A network in CIDR form, such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// A text that is not a network in CIDR form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a network such as 10.0.0.0/8 or fd00::/8")]
pub struct InvalidNetwork(pub String);

impl Network {
    /// Returns whether an address lies in the network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix);
                u32::from(network).checked_shr(shift) == u32::from(address).checked_shr(shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix);
                u128::from(network).checked_shr(shift) == u128::from(address).checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidNetwork(text.chars().take(80).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| invalid())?,
            None => longest,
        };
        if prefix > longest {
            return Err(invalid());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The rule for addresses.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    allowed: Arc<[Network]>,
}

impl Guard {
    /// Makes a rule that lets requests into these networks as well, there also without https.
    #[must_use]
    pub fn new(allowed: &[Network]) -> Self {
        Self {
            allowed: allowed.into(),
        }
    }

    /// Checks what can be checked of a web address without resolving its name.
    ///
    /// # Errors
    /// Refuses other schemes than https and http, user names in the address, and forbidden IP addresses.
    pub fn check(&self, url: &Url) -> Result<(), Error> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            other => return Err(refused(format!("addresses that begin with `{other}:` are not allowed"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(refused("user names in addresses are not allowed"));
        }
        url.port().map_or(Ok(()), check_port)?;
        let address = match url.host() {
            None => return Err(refused("the address has no host")),
            Some(Host::Domain(name)) => return check_name(name),
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
        };
        if self.admits(address, secure) {
            return Ok(());
        }
        Err(if !secure && is_public(address) {
            refused("only https is allowed for this address")
        } else {
            refused(format!("the network of {address} is not allowed"))
        })
    }

    /// Checks a web address and, if its name is known now, the network that it lies in. What counts is the check when
    /// a request is sent; this one tells early.
    ///
    /// # Errors
    /// Refuses what [`check`](Self::check) refuses, and names that lie in forbidden networks only.
    pub async fn check_resolved(&self, url: &Url) -> Result<(), Error> {
        self.check(url)?;
        let Some(Host::Domain(name)) = url.host() else {
            return Ok(());
        };
        match self.resolve(name, url.scheme() == "https").await {
            Ok(_) | Err(ResolveError::Unknown) => Ok(()),
            Err(refused) => Err(refused.into()),
        }
    }

    /// Looks a host up and returns the addresses that connections of other protocols than HTTP may go to, encrypted or
    /// in the clear. The connection must go to one of them, not to the name.
    ///
    /// # Errors
    /// Refuses what [`check`](Self::check) refuses, and names that lie in forbidden networks only.
    pub async fn addresses(&self, host: &str, port: u16, secure: bool) -> Result<Vec<SocketAddr>, Error> {
        check_port(port)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let mut found = match bare.unwrap_or(host).parse::<IpAddr>() {
            Ok(address) => self.sift(vec![SocketAddr::new(address, port)], secure)?,
            Err(_) => {
                check_name(host)?;
                self.resolve(host, secure).await?
            }
        };
        found.iter_mut().for_each(|address| address.set_port(port));
        Ok(found)
    }

    /// Returns whether requests may go to an address, over https or in the clear.
    #[must_use]
    pub fn admits(&self, address: IpAddr, secure: bool) -> bool {
        (secure && is_public(address)) || self.is_allowed(address)
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(address))
    }

    /// Resolves a name to the addresses that requests may go to.
    pub(super) async fn resolve(&self, name: &str, secure: bool) -> Result<Vec<SocketAddr>, ResolveError> {
        let found: Vec<SocketAddr> = tokio::net::lookup_host((name, 0))
            .await
            .map_err(|_| ResolveError::Unknown)?
            .collect();
        self.sift(found, secure)
    }

    fn sift(&self, found: Vec<SocketAddr>, secure: bool) -> Result<Vec<SocketAddr>, ResolveError> {
        if found.is_empty() {
            return Err(ResolveError::Unknown);
        }
        let only_insecure = !secure && found.iter().any(|address| is_public(address.ip()));
        let fit: Vec<SocketAddr> = found
            .into_iter()
            .filter(|address| self.admits(address.ip(), secure))
            .collect();
        match (fit.is_empty(), only_insecure) {
            (false, _) => Ok(fit),
            (true, true) => Err(ResolveError::NotSecure),
            (true, false) => Err(ResolveError::Forbidden),
        }
    }
}

/// Ports of services that act on lines of text, whatever stands around them.
const FOREIGN_PORTS: &[u16] = &[
    0, 19, 21, 22, 23, 25, 53, 110, 119, 143, 465, 587, 993, 995, 6379, 11211,
];

fn check_port(port: u16) -> Result<(), Error> {
    match FOREIGN_PORTS.contains(&port) {
        true => Err(refused("the port of the address belongs to something else")),
        false => Ok(()),
    }
}

/// Names by which clouds hand out the secrets of their machines.
const METADATA_NAMES: &[&str] = &[
    "metadata",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.azure.internal",
    "instance-data",
    "instance-data.ec2.internal",
];

/// Refuses names that no system has. Where all others lead is judged when they are looked up.
fn check_name(name: &str) -> Result<(), Error> {
    let lower = name.to_ascii_lowercase();
    if METADATA_NAMES.contains(&lower.trim_end_matches('.')) {
        return Err(refused("the name belongs to the machine's own cloud"));
    }
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63;
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(refused(
            "the name of the host is not a name: it has empty or too long parts, or a dot at its end",
        ));
    }
    Ok(())
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSettings, message)
}

/// Why a name gave no address to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the name of the host is not known")]
    Unknown,
    #[error("the network of the host is not allowed")]
    Forbidden,
    #[error("only encrypted connections are allowed for this host")]
    NotSecure,
}

impl From<ResolveError> for Error {
    fn from(error: ResolveError) -> Self {
        let kind = match error {
            ResolveError::Unknown => ErrorKind::Network,
            ResolveError::Forbidden | ResolveError::NotSecure => ErrorKind::InvalidSettings,
        };
        Self::new(kind, error.to_string())
    }
}

/// The guard as the client's resolver of names.
#[derive(Clone, Debug)]
pub(crate) struct Resolver {
    pub(crate) guard: Guard,
    pub(crate) secure: bool,
}

impl reqwest::dns::Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let fit = resolver.guard.resolve(name.as_str(), resolver.secure).await?;
            let addresses: reqwest::dns::Addrs = Box::new(fit.into_iter());
            Ok(addresses)
        })
    }
}

/// Returns whether an address belongs to the public internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., _, _)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (192, 168, _)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// Global unicast without the blocks that carry IPv4 addresses inside or are set apart. Mapped, NAT64, unique-local,
/// link-local and multicast addresses all lie outside of 2000::/3.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let global = a & 0xe000 == 0x2000;
    let protocols = a == 0x2001 && b < 0x0200;
    let documentation = (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    let six_to_four = a == 0x2002;
    global && !protocols && !documentation && !six_to_four
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use proptest::prelude::*;

    use super::*;

    fn check(guard: &Guard, url: &str) -> Result<(), Error> {
        guard.check(&Url::parse(url).unwrap())
    }

    /// Addresses that must not be reached, in the forms in which people try to.
    const HOSTILE: &[&str] = &[
        // Loopback: decimal, octal, hexadecimal, short.
        "https://127.0.0.1/",
        "https://127.255.255.254/",
        "https://127.0.0.1./",
        "https://2130706433/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://0x7f.0x0.0x0.0x1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://127.0.1/",
        "https://0/",
        "https://0.0.0.0/",
        "https://%31%32%37.0.0.1/",
        "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
        "https://127\u{3002}0\u{3002}0\u{3002}1/",
        // Private networks and those of carriers.
        "https://10.1.2.3/",
        "https://0xa.1/",
        "https://167772161/",
        "https://172.16.0.1/",
        "https://172.31.0.1/",
        "https://192.168.1.1/",
        "https://0300.0250.1.1/",
        "https://100.64.0.1/",
        "https://100.127.255.255/",
        // Link-local, and the metadata of clouds.
        "https://169.254.169.254/latest/meta-data",
        "https://0xa9fea9fe/",
        "https://2852039166/",
        "https://169.254.1/",
        "https://100.100.100.200/",
        "https://192.0.0.192/",
        "https://[fd00:ec2::254]/",
        "https://metadata.google.internal/",
        "https://METADATA.google.internal./",
        "https://metadata/",
        "https://instance-data/",
        // Set apart, multicast, broadcast.
        "https://192.0.2.1/",
        "https://192.88.99.1/",
        "https://198.18.0.1/",
        "https://198.51.100.1/",
        "https://203.0.113.1/",
        "https://224.0.0.1/",
        "https://239.255.255.250/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        // IPv6: loopback, unspecified, mapped, compatible, translated, NAT64, 6to4, Teredo.
        "https://[::1]/",
        "https://[0:0:0:0:0:0:0:1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:0:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[64:ff9b::10.0.0.1]/",
        "https://[64:ff9b:1::1]/",
        "https://[2002:7f00:1::]/",
        "https://[2002:a00:1::1]/",
        "https://[2001::1]/",
        "https://[100::1]/",
        "https://[fc00::1]/",
        "https://[fd00::1]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
        "https://[3fff::1]/",
        // User names, which make one host look like another.
        "https://user@8.8.8.8/",
        "https://user:password@erp.example.com/",
        "https://erp.example.com@127.0.0.1/",
        "https://erp.example.com%40x@8.8.8.8/",
        // Names that are none.
        "https://erp.example.com./",
        "https://erp..example.com/",
        "https://.erp.example.com/",
        "https://./",
        // Ports of other services.
        "https://8.8.8.8:22/",
        "https://erp.example.com:25/",
        "https://erp.example.com:6379/",
        "https://erp.example.com:0/",
        // Schemes.
        "http://8.8.8.8/",
        "http://[2606:4700::1111]/",
        "ftp://erp.example.com/",
        "file:///etc/passwd",
        "gopher://8.8.8.8/",
        "ldap://8.8.8.8/",
        "data:text/plain,x",
        "unix:/var/run/docker.sock",
    ];

    #[test]
    fn addresses_inside_and_their_disguises_are_refused() {
        let guard = Guard::default();
        for text in HOSTILE {
            // What is no address at all never gets as far as the guard.
            let is_refused = Url::parse(text).map_or(true, |url| guard.check(&url).is_err());
            assert!(is_refused, "{text}");
        }
        for url in [
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://erp.example.com:8443/api",
            "https://erp.example.com:443/",
            "https://m\u{fc}ller.example/",
        ] {
            assert!(check(&guard, url).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn names_of_this_machine_are_refused_when_they_are_looked_up() {
        for name in ["localhost", "LOCALHOST", "localhost."] {
            let found = Guard::default().resolve(name, true).await;
            assert!(
                matches!(found, Err(ResolveError::Forbidden | ResolveError::Unknown)),
                "{name}: {found:?}"
            );
        }
    }

    #[tokio::test]
    async fn hosts_of_other_protocols_are_judged_alike() {
        let guard = Guard::new(&["10.0.0.0/8".parse().unwrap()]);
        let found = guard.addresses("10.1.2.3", 5432, false).await.unwrap();
        assert_eq!(found, ["10.1.2.3:5432".parse().unwrap()]);
        assert!(guard.addresses("8.8.8.8", 5432, true).await.is_ok());
        assert!(guard.addresses("[2606:4700::1111]", 5432, true).await.is_ok());
        for (host, port) in [
            ("8.8.8.8", 5432),
            ("127.0.0.1", 5432),
            ("2130706433", 5432),
            ("127.1", 5432),
            ("[::1]", 5432),
            ("::ffff:127.0.0.1", 5432),
            ("localhost", 5432),
            ("metadata", 5432),
            ("", 5432),
            ("10.1.2.3", 6379),
        ] {
            assert!(guard.addresses(host, port, false).await.is_err(), "{host}:{port}");
        }
    }

    #[test]
    fn a_name_whose_answer_changes_is_judged_by_each_answer() {
        let guard = Guard::default();
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        assert!(guard.sift(vec![address("8.8.8.8")], true).is_ok());
        for inside in [
            "127.0.0.1",
            "169.254.169.254",
            "::1",
            "::ffff:10.0.0.1",
            "fd00::1",
            "64:ff9b::7f00:1",
        ] {
            assert_eq!(
                guard.sift(vec![address(inside)], true),
                Err(ResolveError::Forbidden),
                "{inside}"
            );
            // Of an answer with both, only the public one is ever connected to.
            let both = vec![address(inside), address("8.8.8.8")];
            assert_eq!(guard.sift(both, true).unwrap(), [address("8.8.8.8")]);
        }
    }

    #[test]
    fn the_operator_can_allow_networks() {
        let guard = Guard::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        for url in [
            "http://10.1.2.3/",
            "https://10.1.2.3/",
            "http://[fd00::1]:8000/",
            "https://[::ffff:10.0.0.1]/",
        ] {
            assert!(check(&guard, url).is_ok(), "{url}");
        }
        for url in [
            "http://11.1.2.3/",
            "https://127.0.0.1/",
            "https://[fe80::1]/",
            "http://8.8.8.8/",
        ] {
            assert!(check(&guard, url).is_err(), "{url}");
        }
    }

    #[test]
    fn names_lead_only_to_addresses_that_pass() {
        let guard = Guard::new(&["10.0.0.0/8".parse().unwrap()]);
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let mixed = vec![address("127.0.0.1"), address("8.8.8.8"), address("10.0.0.1")];
        assert_eq!(
            guard.sift(mixed.clone(), true).unwrap(),
            [address("8.8.8.8"), address("10.0.0.1")]
        );
        assert_eq!(guard.sift(mixed, false).unwrap(), [address("10.0.0.1")]);
        assert_eq!(
            guard.sift(vec![address("127.0.0.1")], true),
            Err(ResolveError::Forbidden)
        );
        assert_eq!(
            guard.sift(vec![address("8.8.8.8")], false),
            Err(ResolveError::NotSecure)
        );
        assert_eq!(guard.sift(Vec::new(), true), Err(ResolveError::Unknown));
    }

    #[test]
    fn networks_are_read_strictly() {
        for text in ["10.0.0.0/33", "10.0.0/8", "::/129", "", "/8", "10.0.0.0/-1", "host/8"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains("9.9.9.9".parse().unwrap())
        );
        assert!(
            "9.9.9.9"
                .parse::<Network>()
                .unwrap()
                .contains("9.9.9.9".parse().unwrap())
        );
    }

    proptest! {
        #[test]
        fn a_forbidden_ipv4_stays_forbidden_in_every_ipv6_form(
            network in prop::sample::select(&[(0, 8), (10, 8), (127, 8), (0xa9fe, 16), (0xac1, 12), (0xc0a8, 16), (0x191, 10), (7, 3)]),
            any in any::<u32>(),
        ) {
            let (head, length): (u32, u32) = network;
            let bits = (head << (32 - length)) | (any >> length);
            let v4 = Ipv4Addr::from(bits);
            prop_assert!(!is_public_v4(v4), "{v4}");
            let guard = Guard::default();
            let low = u128::from(bits);
            for form in [low, 0xffff_0000_0000 | low, (0x64_ff9b << 96) | low, (0x2002 << 112) | (low << 80)] {
                prop_assert!(!guard.admits(IpAddr::V6(Ipv6Addr::from(form)), true));
            }
        }
    }
}
