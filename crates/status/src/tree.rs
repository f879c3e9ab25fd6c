//! Components as a tree of groups, whatever a view says of their places.

use incident::{Component, View};

/// Groups deeper than this are shown beside each other: pages are indented, and what is read by machines is bounded.
const DEPTH_MAX: usize = 6;

/// The components of a view and the groups that they are in.
pub(crate) struct Tree<'a> {
    components: &'a [Component],
    parents: Vec<Option<usize>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn of(view: &'a View) -> Self {
        let components = view.components.as_slice();
        let mut parents: Vec<Option<usize>> = Vec::with_capacity(components.len());
        let mut depths: Vec<usize> = Vec::with_capacity(components.len());
        for (place, component) in components.iter().enumerate() {
            // A group comes before what is in it, so there are no circles.
            let mut parent = component.group.filter(|group| *group < place && components[*group].is_group);
            while let Some(group) = parent.filter(|group| depths[*group] >= DEPTH_MAX) {
                parent = parents[group];
            }
            depths.push(parent.map_or(0, |group| depths[group] + 1));
            parents.push(parent);
        }
        Self { components, parents }
    }

    /// In the order in which they are shown.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &'a Component)> + use<'a> {
        self.components.iter().enumerate()
    }

    /// `None` for a place that there is not.
    pub(crate) fn at(&self, place: usize) -> Option<&'a Component> {
        self.components.get(place)
    }

    pub(crate) fn parent(&self, place: usize) -> Option<usize> {
        self.parents.get(place).copied().flatten()
    }

    /// What is directly in a group; `None`: what is in none.
    pub(crate) fn children(&self, group: Option<usize>) -> Vec<usize> {
        let places = self.parents.iter().enumerate();
        places.filter(|(_, parent)| **parent == group).map(|(place, _)| place).collect()
    }

    /// What people use, directly or further down in a group.
    pub(crate) fn leaves(&self, group: usize) -> Vec<usize> {
        let leaves = self.all().filter(|(_, component)| !component.is_group).map(|(place, _)| place);
        leaves.filter(|place| self.above(*place).contains(&group)).collect()
    }

    /// Places of the groups that it is in, the outermost first.
    pub(crate) fn above(&self, place: usize) -> Vec<usize> {
        let mut groups: Vec<usize> =
            std::iter::successors(self.parent(place), |group| self.parent(*group)).collect();
        groups.reverse();
        groups
    }

    /// A group with those that it is in: `Shop / Payments`.
    pub(crate) fn path(&self, place: usize) -> String {
        let places = self.above(place).into_iter().chain([place]);
        let names: Vec<&str> =
            places.filter_map(|place| self.at(place)).map(|part| part.name.as_str()).collect();
        names.join(" / ")
    }

    /// A component with its group, as Statuspage writes it: `Shop / Payments - Cards`.
    pub(crate) fn title(&self, place: usize) -> String {
        let name = self.at(place).map(|component| component.name.as_str()).unwrap_or_default();
        match self.parent(place) {
            Some(group) => format!("{} - {name}", self.path(group)),
            None => name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn names_tell_the_groups() {
        let view = samples::nested();
        let tree = Tree::of(&view);
        assert_eq!(tree.title(2), "Shop / Payments - Cards");
        assert_eq!(tree.path(1), "Shop / Payments");
        assert_eq!((tree.children(None), tree.leaves(0)), (vec![0, 3], vec![2]));
    }

    #[test]
    fn a_place_that_cannot_be_is_no_group() {
        let mut view = samples::nested();
        view.components[0].group = Some(0);
        view.components[1].group = Some(2);
        view.components[2].group = Some(900);
        assert_eq!(Tree::of(&view).children(None), [0, 1, 2, 3]);
    }

    #[test]
    fn depth_is_bounded() {
        let mut view = samples::nested();
        let group = view.components[0].clone();
        view.components = (0_usize..5_000)
            .map(|place| Component { group: place.checked_sub(1), ..group.clone() })
            .collect();
        let tree = Tree::of(&view);
        assert_eq!(tree.above(4_999).len(), DEPTH_MAX);
    }
}
