//! Containers: as they are, by DNS name, by image.

use std::sync::Arc;

use scope_shared::report::{Kind, Node, StringSet};
use smol_str::{SmolStr, format_smolstr};

use super::grouping::Manner;
use super::{Renderer, What, is_pseudo, levels, name, whole};
use crate::view::build::Builder;
use crate::view::chunks::Chunks;
use crate::view::graph::{Graph, Kid, LevelName, Masked, Nodes, changed_nodes};
use crate::view::ids::{PSEUDO, image_key};

/// Containers with what their images add, as they were last made: from which containers, under which version of the images.
#[derive(Clone, Debug, Default)]
pub(super) struct WithImages {
    images: u64,
    own: Arc<Graph>,
    made: Nodes,
}

/// Groups of containers hold the containers' children, too, and pseudo nodes stay beside them.
const GROUPED: Manner = Manner { deep: true, pseudo: true };

/// What a container takes over from its image.
const IMAGE_KEYS: [&str; 5] = [
    "docker_image_name",
    "docker_image_tag",
    "docker_image_size",
    "docker_image_virtual_size",
    "docker_image_label_works.weave.role",
];

impl Renderer<'_> {
    /// Containers with what their processes and addresses are connected to, deleted ones left out.
    pub(super) fn plain_containers(&mut self) -> Masked {
        let source = levels::Source {
            kind: Kind::Container,
            level: &self.joins.containers,
            name: LevelName::Containers,
        };
        let kept = &mut self.rendered.kept;
        let graph = Arc::new(levels::graph(&source, &mut kept.containers));
        let there = |node: &Node, _| node.topology == PSEUDO || node.latest("docker_container_state") != Some("deleted");
        let passes = kept.not_deleted.sift(&graph, there);
        Masked::all(graph).keep_only(passes)
    }

    /// Containers with the names of their images.
    pub(super) fn containers(&mut self) -> Masked {
        let plain = self.graph(What::PlainContainers);
        let own = &plain.graph;
        let images = self.rendered.images;
        let before = std::mem::take(&mut self.rendered.kept.with_images);
        let made: Nodes = if before.images == images && own.is_of_the_line_of(&before.own) {
            let mut made = before.made;
            let changed = changed_nodes(&before.own, own);
            if !changed.is_empty() {
                let made = Arc::make_mut(&mut made);
                // Those that are new change next.
                made.grow(own.nodes.len(), &Arc::default());
                for at in changed {
                    made.set(at as usize, self.with_image(own.node(at)));
                }
            }
            made
        } else {
            let made: Vec<Arc<Node>> = own.nodes.iter().map(|node| self.with_image(node)).collect();
            Arc::new(Chunks::from(made))
        };
        let graph = Graph {
            nodes: made.clone(),
            ..Graph::clone(own)
        };
        self.rendered.kept.with_images = WithImages {
            images,
            own: own.clone(),
            made,
        };
        Masked {
            graph: Arc::new(graph),
            ..Masked::clone(&plain)
        }
    }

    fn with_image(&self, container: &Arc<Node>) -> Arc<Node> {
        let image = container
            .latest("docker_image_id")
            .and_then(|id| self.state.node(Kind::ContainerImage, &format_smolstr!("{id};<container_image>")));
        let Some((image, image_name)) = image.and_then(|image| Some((image, image.latest("docker_image_name")?))) else {
            return container.clone();
        };
        let mut node = Node::clone(container);
        for key in IMAGE_KEYS {
            if let Some(entry) = image.latest.get(key)
                && node.latest.get(key).is_none_or(|own| own.timestamp.is_before(entry.timestamp))
            {
                node.latest.insert(key, entry.clone());
            }
        }
        let parent = format_smolstr!("{};<container_image>", image_key(image_name));
        node.parents.insert("container_image", StringSet::from_iter([parent]));
        Arc::new(node)
    }

    /// One node for all containers of a host name.
    pub(super) fn container_hostnames(&mut self) -> Masked {
        let input = self.graph(What::Containers);
        let mut builder = Builder::default();
        let grouping = &mut self.rendered.kept.by_hostname;
        grouping.update(0, &input, GROUPED, |node, add| {
            if let Some(entry) = node.latest.get("docker_container_hostname") {
                add(entry.value.clone());
            }
        });
        let topology = name("group:container:docker_container_hostname");
        grouping.put(&mut builder, &topology, GROUPED, true);
        // Each group has a container, but a group that took over a pseudo node's id may have none.
        whole(builder.finish_like(&mut self.rendered.kept.finished_hostnames)).filter(|node| node.latest.contains_key("count_container"))
    }

    /// One node for all images of a name, with the containers that run them.
    pub(super) fn container_images(&mut self) -> Masked {
        let input = self.graph(What::Containers);
        let mut builder = Builder::default();
        for (_, image) in self.state.nodes(Kind::ContainerImage) {
            if let Some(image) = by_name(image) {
                builder.node(&image);
            }
        }
        let mut grouping = std::mem::take(&mut self.rendered.kept.by_image);
        grouping.update(self.rendered.images, &input, GROUPED, |node, add| {
            self.image_group(node).into_iter().for_each(add);
        });
        grouping.put(&mut builder, &name(Kind::ContainerImage.name()), GROUPED, true);
        self.rendered.kept.by_image = grouping;
        let graph = builder.finish_like(&mut self.rendered.kept.finished_images);
        let empty = without_containers(&graph);
        whole(graph).filter_all(|_, at| !empty[at as usize])
    }

    /// The id under which a container's image is grouped; images that no one reported have no name.
    fn image_group(&self, container: &Node) -> Option<SmolStr> {
        let id = container.latest("docker_image_id")?;
        let image = self.state.node(Kind::ContainerImage, &format_smolstr!("{id};<container_image>"))?;
        image.latest("docker_image_name").map(group_id)
    }
}

fn group_id(image_name: &str) -> SmolStr {
    format_smolstr!("{};<container_image>", image_key(image_name))
}

/// An image under the id of its name; `None` if it has none.
fn by_name(image: &Arc<Node>) -> Option<Arc<Node>> {
    let id = group_id(image.latest("docker_image_name")?);
    let mut node = Node::clone(image);
    node.id = id;
    node.adjacency = StringSet::default();
    Some(Arc::new(node))
}

pub(super) fn pass_through(builder: &mut Builder, node: &Arc<Node>, source: u8, at: u32) -> u32 {
    let to = builder.node(node);
    builder.kid(
        to,
        Kid::Node {
            source,
            at,
            itself: false,
            deep: true,
        },
    );
    to
}

/// Which image groups no container runs.
fn without_containers(graph: &Graph) -> Vec<bool> {
    let kids = graph.shape.kids.lists();
    graph
        .nodes
        .iter()
        .zip(kids)
        .map(|(node, kids)| !is_pseudo(node) && !kids.iter().any(|kid| matches!(kid, Kid::Nodes { .. })))
        .collect()
}
