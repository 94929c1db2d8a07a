//! The fields that commands have written, in the order of a row's columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Value;

/// So many are looked through one by one; a row has no more, but `spath` may write any number.
const LOOKED_THROUGH: usize = 32;

/// Fields by name, in an order that renaming keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    /// None where one was removed.
    list: Vec<Option<(Arc<str>, Value)>>,
    /// Their places, once there are too many to look through.
    places: BTreeMap<Arc<str>, usize>,
}

impl Written {
    /// These fields in this order, each of another name.
    pub(super) fn of(fields: Vec<(Arc<str>, Value)>) -> Self {
        let mut written = Self { list: fields.into_iter().map(Some).collect(), places: BTreeMap::new() };
        written.note(0);
        debug_assert!(
            written.iter().enumerate().all(|(at, (name, _))| written.place(name) == Some(at)),
            "a field has one place"
        );
        written
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.list[self.place(name)?].as_ref().map(|(_, value)| value)
    }

    /// Writes a field; a new one comes last.
    pub(super) fn set(&mut self, name: &Arc<str>, value: Value) {
        match self.place(name) {
            Some(place) => self.list[place] = Some((name.clone(), value)),
            None => {
                self.list.push(Some((name.clone(), value)));
                self.note(self.list.len() - 1);
            }
        }
    }

    /// Removes a field; what it leaves is a place.
    pub(super) fn remove(&mut self, name: &str) -> Option<usize> {
        let place = self.place(name)?;
        self.list[place] = None;
        self.places.remove(name);
        Some(place)
    }

    /// Writes a field, which must not be there, at a place that was left.
    pub(super) fn set_at(&mut self, place: usize, name: &Arc<str>, value: Value) {
        debug_assert!(self.list[place].is_none() && self.place(name).is_none(), "a field has one place");
        self.list[place] = Some((name.clone(), value));
        self.note(place);
    }

    /// Removes the others.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.list.retain(|field| field.as_ref().is_some_and(|(name, _)| keep(name)));
        self.places.clear();
        self.note(0);
    }

    /// The fields in their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Arc<str>, Value)> {
        self.list.iter().flatten()
    }

    /// The fields in their order.
    #[expect(clippy::filter_map_identity, reason = "unlike `flatten`, it collects into the memory that is there")]
    pub(super) fn into_row(self) -> Vec<(Arc<str>, Value)> {
        self.list.into_iter().filter_map(|field| field).collect()
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self.list.len() > LOOKED_THROUGH {
            return self.places.get(name).copied();
        }
        self.list.iter().position(|field| field.as_ref().is_some_and(|(known, _)| **known == *name))
    }

    /// Something was written at this place.
    fn note(&mut self, place: usize) {
        if self.list.len() <= LOOKED_THROUGH {
            return;
        }
        let noted = if self.places.is_empty() { 0..self.list.len() } else { place..place + 1 };
        let written = self.list[noted.clone()].iter().zip(noted);
        self.places.extend(written.filter_map(|(field, place)| Some((field.as_ref()?.0.clone(), place))));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against a list that is searched.
        #[test]
        fn fields_keep_their_order_however_many_there_are(
            first in 0..60usize, steps in prop::collection::vec((0..6u8, 0..60usize, 0..60usize), 0..200),
        ) {
            let mut model: Vec<(String, usize)> = (0..first).map(|name| (format!("f{name}"), name)).collect();
            let fields = model.iter().map(|(name, value)| (name.as_str().into(), Value::number(*value as f64)));
            let mut written = Written::of(fields.collect());
            for (number, (kind, one, other)) in steps.into_iter().enumerate() {
                let names = [one, other].map(|name| Arc::<str>::from(format!("f{name}")));
                let at = |model: &[(String, usize)], name: &str| model.iter().position(|(known, _)| known == name);
                match kind {
                    0 => {
                        written.remove(&names[0]);
                        model.retain(|(name, _)| **name != *names[0]);
                    }
                    1 if one != other => {
                        // As `rename` does.
                        let (place, replaced) = (written.remove(&names[0]), written.remove(&names[1]));
                        if let Some(place) = place.or(replaced) {
                            written.set_at(place, &names[1], Value::number(number as f64));
                        }
                        if let Some(place) = at(&model, &names[0]).or(at(&model, &names[1])) {
                            model[place] = (names[1].to_string(), number);
                            let mut index = 0;
                            model.retain(|(name, _)| {
                                index += 1;
                                index - 1 == place || **name != *names[1]
                            });
                        }
                    }
                    2 if number % 20 == 0 => {
                        written.retain(|name| name != &*names[0]);
                        model.retain(|(name, _)| **name != *names[0]);
                    }
                    _ => {
                        written.set(&names[0], Value::number(number as f64));
                        match at(&model, &names[0]) {
                            Some(place) => model[place].1 = number,
                            None => model.push((names[0].to_string(), number)),
                        }
                    }
                }
                for (name, value) in &model {
                    prop_assert_eq!(written.get(name), Some(&Value::number(*value as f64)));
                }
            }
            let names: Vec<String> = written.iter().map(|(name, _)| name.to_string()).collect();
            prop_assert_eq!(&names, &model.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
            let row = written.into_row();
            prop_assert_eq!(row.len(), names.len());
        }
    }
}
