//! The addresses and published ports under which endpoints find a container or a pod.

use scope_shared::report::Node;

use crate::view::networks::parse_ip;

/// Calls `site` with each `scope;address` of a container and `port` with each `;address;port` it publishes.
pub(crate) fn of_container(node: &Node, mut site: impl FnMut(&str), mut port: impl FnMut(String)) {
    if node.latest.contains_key("does_not_make_connections") || node.latest.contains_key("docker_is_in_host_network") {
        return;
    }
    for member in node.sets.get("docker_container_ips_with_scopes").into_iter().flatten() {
        let Some((_, address)) = member.split_once(';') else { continue };
        if !parse_ip(address).is_some_and(|ip| ip.is_loopback()) {
            site(member);
        }
    }
    for member in node.sets.get("docker_container_ports").into_iter().flatten() {
        if let Some(key) = published_port(member) {
            port(key);
        }
    }
}

/// The `;address` of a pod that has one of its own.
pub(crate) fn of_pod(node: &Node) -> Option<String> {
    if node.latest.contains_key("kubernetes_is_in_host_network") {
        return None;
    }
    node.latest("kubernetes_ip").filter(|ip| !ip.is_empty()).map(|ip| format!(";{ip}"))
}

/// The key of `… address:port->port/tcp …`: `;address;port`. IPv4 as the original writes it, and `[IPv6]:port->…` as ours does.
fn published_port(text: &str) -> Option<String> {
    let (before, after) = text.split_once("->")?;
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 || !after.get(digits..)?.starts_with("/tcp") {
        // The first arrow may belong to something else; the mapping may follow.
        return published_port(after);
    }
    let found = mapping_before(before).map(|(address, port)| format!(";{address};{port}"));
    found.or_else(|| published_port(after))
}

/// The `address:port` that a text ends in.
fn mapping_before(text: &str) -> Option<(&str, &str)> {
    let (head, port) = text.rsplit_once(':')?;
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Some((_, address)) = head.strip_suffix(']').and_then(|head| head.rsplit_once('[')) {
        return parse_ip(address).map(|_| (address, port));
    }
    // Leftmost match of four groups of one to three digits that ends here.
    let mut address = head.rsplit(|c: char| !c.is_ascii_digit() && c != '.').next()?;
    loop {
        let groups: Vec<&str> = address.split('.').collect();
        if let [first, rest @ ..] = groups.as_slice()
            && rest.len() == 3
            && rest.iter().all(|group| (1..=3).contains(&group.len()))
            && !first.is_empty()
        {
            // Of a longer run of digits the last three belong to the match.
            return Some((address.get(first.len().saturating_sub(3)..)?, port));
        }
        address = address.split_once('.')?.1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_ports_join_by_address_and_port() {
        for (text, key) in [
            ("10.1.0.1:8080->80/tcp", Some(";10.1.0.1;8080")),
            ("1.2.3.4:80->80/tcp6", Some(";1.2.3.4;80")),
            ("x10.1.0.1:8080->80/tcp", Some(";10.1.0.1;8080")),
            ("[2001:db8::1]:80->80/tcp", Some(";2001:db8::1;80")),
            ("10.1.0.1:53->53/udp", None),
            (":::8089->80/tcp", None),
            ("80/tcp", None),
            ("1.2.3:80->80/tcp", None),
            ("", None),
            ("é:80->80/tcp", None),
        ] {
            assert_eq!(published_port(text).as_deref(), key, "{text}");
        }
    }
}
