//! What a runtime says of one container, and what that adds to its node. Pure functions.

use std::collections::BTreeMap;

use bollard::models::ContainerState;
use scope_shared::report::{Kind, Node, SmolStr};
use scope_shared::time::Timestamp;
use smol_str::{ToSmolStr as _, format_smolstr};

use super::proto;
use crate::docker::{human_size, image_name_and_tag, short_image_id, state, state_sentence, uptime};

/// Labels that say which pod a container is of, and how Docker's Kubernetes wrote them.
const POD_LABELS: [&str; 3] = ["io.kubernetes.pod.name", "io.kubernetes.pod.namespace", "io.kubernetes.pod.uid"];

/// An image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Id without algorithm.
    pub id: SmolStr,
    /// Name without tag; empty if it has none.
    pub name: SmolStr,
    /// Tag.
    pub tag: SmolStr,
    /// Bytes.
    pub size: i64,
}

impl Image {
    /// From the runtime's list.
    #[must_use]
    pub fn listed(image: &proto::Image) -> Self {
        let (name, tag) = image.repo_tags.first().map_or(("", ""), |reference| image_name_and_tag(reference));
        Self {
            id: short_image_id(&image.id),
            name: name.into(),
            tag: tag.into(),
            size: i64::try_from(image.size).unwrap_or(i64::MAX),
        }
    }

    /// What is in a container's own entry, where the list does not have the image.
    fn unlisted(container: &proto::Container) -> Self {
        let asked = container.image.as_ref().map_or("", |image| image.image.as_str());
        let named = [asked, container.image_ref.as_str()].into_iter().find(|text| !is_digest(text));
        let (name, tag) = named.map_or(("", ""), image_name_and_tag);
        Self {
            id: short_image_id(&container.image_ref),
            name: name.into(),
            tag: tag.into(),
            size: 0,
        }
    }

    /// Its node.
    #[must_use]
    pub fn node(&self, now: Timestamp) -> Node {
        let mut node = Node::new(self.node_id(), Kind::ContainerImage.name());
        node.set_latest("docker_image_id", now, self.id.clone());
        self.name_on(&mut node, now);
        if self.size > 0 {
            node.set_latest("docker_image_size", now, human_size(self.size));
        }
        node
    }

    fn node_id(&self) -> SmolStr {
        format_smolstr!("{};<container_image>", self.id)
    }

    fn name_on(&self, node: &mut Node, now: Timestamp) {
        if !self.name.is_empty() {
            node.set_latest("docker_image_name", now, self.name.clone());
            node.set_latest("docker_image_tag", now, self.tag.clone());
        }
    }
}

fn is_digest(reference: &str) -> bool {
    reference.is_empty() || reference.starts_with("sha256:")
}

/// Images by every word a container may call them.
pub type Images = BTreeMap<String, Image>;

/// Puts the runtime's list in order.
#[must_use]
pub fn images(listed: &[proto::Image]) -> Images {
    let mut images = Images::new();
    for image in listed {
        let known = Image::listed(image);
        let words = [&image.id].into_iter().chain(&image.repo_tags).chain(&image.repo_digests);
        for word in words {
            images.insert(word.clone(), known.clone());
        }
    }
    images
}

/// A container as its runtime knows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    name: SmolStr,
    attempt: u32,
    created: Timestamp,
    labels: Vec<(SmolStr, SmolStr)>,
    /// Its image.
    pub image: Image,
    state: ContainerState,
}

impl Known {
    /// From the runtime's lists.
    #[must_use]
    pub fn new(container: &proto::Container, status: &proto::Status, pod: Option<&proto::PodMetadata>, images: &Images) -> Self {
        let asked = container.image.as_ref().and_then(|image| images.get(&image.image));
        let image = images.get(&container.image_ref).or(asked);
        let metadata = container.metadata.clone().unwrap_or_default();
        Self {
            name: metadata.name.into(),
            attempt: metadata.attempt,
            created: Timestamp::from_unix_nanos(container.created_at),
            labels: labels(container.labels.clone(), pod),
            image: image.cloned().unwrap_or_else(|| Image::unlisted(container)),
            state: state_of(container.state, status),
        }
    }

    /// Whether it runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state.running == Some(true)
    }

    /// Puts it on the container's node.
    pub fn add_to(&self, node: &mut Node, now: Timestamp) {
        node.set_latest("docker_container_name", now, self.name.clone());
        let word = state(&self.state);
        node.set_latest("docker_container_state", now, word);
        node.set_latest("docker_container_state_human", now, state_sentence(&self.state, now));
        if self.is_up() {
            node.set_latest("docker_container_uptime", now, uptime(&self.state, now).to_smolstr());
        }
        node.set_latest("docker_container_restart_count", now, self.attempt.to_smolstr());
        node.set_latest("docker_container_created", now, self.created.to_smolstr());
        for (key, value) in &self.labels {
            node.set_latest(key, now, value.clone());
        }
        node.set_latest("docker_image_id", now, self.image.id.clone());
        self.image.name_on(node, now);
        node.add_parent(Kind::ContainerImage.name(), self.image.node_id());
    }
}

/// A container's labels, and the pod's name where its maker did not write it into them.
fn labels(mut labels: BTreeMap<String, String>, pod: Option<&proto::PodMetadata>) -> Vec<(SmolStr, SmolStr)> {
    if let Some(pod) = pod {
        for (key, value) in POD_LABELS.into_iter().zip([&pod.name, &pod.namespace, &pod.uid]) {
            labels.entry(key.to_owned()).or_insert_with(|| value.clone());
        }
    }
    labels
        .into_iter()
        .map(|(key, value)| (format_smolstr!("docker_label_{key}"), SmolStr::from(value)))
        .collect()
}

/// In the words of the engine's protocol, so that one code makes sentences of both.
fn state_of(state: i32, status: &proto::Status) -> ContainerState {
    const RUNNING: i32 = 1;
    let time = |nanos: i64| (nanos > 0).then(|| Timestamp::from_unix_nanos(nanos).to_string());
    ContainerState {
        running: Some(state == RUNNING),
        exit_code: Some(i64::from(status.exit_code)),
        started_at: time(status.started_at),
        finished_at: time(status.finished_at),
        ..ContainerState::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(state: i32) -> proto::Container {
        proto::Container {
            id: "c1".to_owned(),
            metadata: Some(proto::ContainerMetadata {
                name: "web".to_owned(),
                attempt: 2,
            }),
            image: Some(proto::ImageSpec {
                image: "sha256:aa".to_owned(),
            }),
            image_ref: "sha256:aa".to_owned(),
            state,
            created_at: 1_700_000_000_000_000_000,
            labels: [("app".to_owned(), "shop".to_owned())].into(),
            ..proto::Container::default()
        }
    }

    fn node(known: &Known) -> Node {
        let mut node = Node::new("c1;<container>", Kind::Container.name());
        known.add_to(&mut node, Timestamp::from_unix(1_700_000_200, 0));
        node
    }

    #[test]
    fn a_stopped_container_has_its_exit_code_pod_labels_and_image() {
        let listed = [proto::Image {
            id: "sha256:aa".to_owned(),
            repo_tags: vec!["registry.example:5000/shop/web:1.2".to_owned()],
            size: 82_854_982,
            ..proto::Image::default()
        }];
        let status = proto::Status {
            started_at: 1_700_000_010_000_000_000,
            finished_at: 1_700_000_080_000_000_000,
            exit_code: 3,
        };
        let pod = proto::PodMetadata {
            name: "web-0".to_owned(),
            uid: "u1".to_owned(),
            namespace: "shop".to_owned(),
        };
        let known = Known::new(&container(2), &status, Some(&pod), &images(&listed));
        let node = node(&known);
        for (key, value) in [
            ("docker_container_name", "web"),
            ("docker_container_state", "exited"),
            ("docker_container_state_human", "Exited (3) 2 minutes ago"),
            ("docker_container_restart_count", "2"),
            ("docker_container_created", "2023-11-14T22:13:20Z"),
            ("docker_image_id", "aa"),
            ("docker_image_name", "shop/web"),
            ("docker_image_tag", "1.2"),
            ("docker_label_app", "shop"),
            ("docker_label_io.kubernetes.pod.name", "web-0"),
            ("docker_label_io.kubernetes.pod.namespace", "shop"),
            ("docker_label_io.kubernetes.pod.uid", "u1"),
        ] {
            assert_eq!(node.latest(key), Some(value), "{key}");
        }
        let parents: Vec<_> = node.parents.get("container_image").into_iter().flat_map(|ids| ids.iter()).collect();
        assert_eq!(parents, ["aa;<container_image>"]);
        assert_eq!(
            known.image.node(Timestamp::from_unix(1, 0)).latest("docker_image_size"),
            Some("83 MB")
        );
    }

    #[test]
    fn an_image_that_is_not_listed_is_named_by_what_the_container_says() {
        let mut container = container(1);
        container.image_ref = "docker.io/library/nginx@sha256:bb".to_owned();
        let known = Known::new(&container, &proto::Status::default(), None, &Images::new());
        assert_eq!((known.image.name.as_str(), known.image.tag.as_str()), ("library/nginx", ""));
        assert!(known.is_up());
        assert_eq!(state(&state_of(0, &proto::Status::default())), "created");
    }
}
