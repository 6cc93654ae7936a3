//! Names of well-known cloud services: an outside address under such a name becomes a node of its own instead of "The Internet".

const DOMAINS: [&str; 10] = [
    "amazonaws.com",
    "googleapis.com",
    "weave.works",
    "core.windows.net",
    "servicebus.windows.net",
    "azure-api.net",
    "onmicrosoft.com",
    "cloudapp.azure.com",
    "database.windows.net",
    "documents.azure.com",
];

/// Whether a DNS name is that of a known service: below one of the domains, and not an EC2 machine's own name.
pub(crate) fn is_known_service(name: &str) -> bool {
    let below = DOMAINS.iter().any(|domain| {
        name.strip_suffix(domain)
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|own| !own.is_empty())
    });
    // The original's pattern has no newline in `.+`; such a name is not a DNS name at all.
    below
        && !name.contains('\n')
        && !(name.starts_with("ec2") && name.len() >= "ec2.amazonaws.com".len() && name.ends_with(".amazonaws.com"))
}

#[cfg(test)]
mod tests {
    use super::is_known_service;

    #[test]
    fn services_are_known_and_machines_are_not() {
        for name in ["s3.amazonaws.com", "foo.weave.works", "a.core.windows.net"] {
            assert!(is_known_service(name), "{name}");
        }
        for name in [
            "amazonaws.com",
            ".amazonaws.com",
            "ec2-1-2-3-4.compute-1.amazonaws.com",
            "ec2foo.s3.amazonaws.com",
            "x.googleapis.com.",
            "X.AMAZONAWS.COM",
        ] {
            assert!(!is_known_service(name), "{name}");
        }
    }
}
