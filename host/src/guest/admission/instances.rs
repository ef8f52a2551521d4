//! What one instance of a component takes of the host beside its memories and tables: known before anything is compiled.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, ComponentTypeRef, ElementItems,
    Encoding, Instance, Payload,
};

/// The engine's record of a core instance, about.
const INSTANCE_BYTES: u64 = 1 << 10;

/// An import, function, global, table or memory in it, at most: a reference to a function has four pointers.
const ITEM_BYTES: u64 = 40;

/// An element of a segment: each instance has evaluated them for itself.
const ELEMENT_BYTES: u64 = 16;

/// What an instance of a module or component takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Core instances.
    pub instances: u64,
    /// Tables defined in them.
    pub tables: u64,
    /// Memories defined in them.
    pub memories: u64,
    /// Bytes of the host's.
    pub bytes: u64,
}

/// Of what comes from outside of the component that instantiates it. No toolchain that we know makes such.
const UNKNOWN: Cost = Cost { instances: u64::MAX, tables: u64::MAX, memories: u64::MAX, bytes: u64::MAX };

impl Cost {
    fn add(&mut self, other: Cost) {
        self.instances = self.instances.saturating_add(other.instances);
        self.tables = self.tables.saturating_add(other.tables);
        self.memories = self.memories.saturating_add(other.memories);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// Counts while the payloads of a binary come by. A component that is instantiated twice counts twice, with all in it:
/// thirty that each instantiate the next one twice are a thousand million instances.
#[derive(Default)]
pub(super) struct Instances {
    open: Vec<Open>,
    pub(super) outermost: Cost,
}

/// A module or component that has begun and not ended.
#[derive(Default)]
struct Open {
    is_component: bool,
    cost: Cost,
    /// Its index spaces.
    modules: Vec<Cost>,
    components: Vec<Cost>,
}

impl Instances {
    /// Takes payloads that may not be valid.
    pub(super) fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        if let Payload::Version { encoding, .. } = payload {
            let is_component = *encoding == Encoding::Component;
            let cost = if is_component {
                Cost::default()
            } else {
                Cost { instances: 1, bytes: INSTANCE_BYTES, ..Cost::default() }
            };
            self.open.push(Open { is_component, cost, ..Open::default() });
            return Ok(());
        }
        if let Payload::End(_) = payload {
            let Some(ended) = self.open.pop() else { return Ok(()) };
            match self.open.last_mut() {
                Some(around) if ended.is_component => around.components.push(ended.cost),
                Some(around) => around.modules.push(ended.cost),
                None => self.outermost = ended.cost,
            }
            return Ok(());
        }
        match payload {
            Payload::ComponentAliasSection(aliases) => {
                for alias in aliases.clone() {
                    self.note_alias(&alias?);
                }
                Ok(())
            }
            other => self.open.last_mut().map_or(Ok(()), |open| open.note(other)),
        }
    }

    fn note_alias(&mut self, alias: &ComponentAlias<'_>) {
        let outer = |count: u32| self.open.iter().rev().nth(count as usize);
        let at = |space: &Vec<Cost>, index: u32| space.get(index as usize).copied();
        let (module, component) = match *alias {
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::CoreModule, count, index } => {
                (Some(outer(count).and_then(|open| at(&open.modules, index))), None)
            }
            ComponentAlias::Outer { kind: ComponentOuterAliasKind::Component, count, index } => {
                (None, Some(outer(count).and_then(|open| at(&open.components, index))))
            }
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Module, .. } => (Some(None), None),
            ComponentAlias::InstanceExport { kind: ComponentExternalKind::Component, .. } => (None, Some(None)),
            _ => (None, None),
        };
        let Some(open) = self.open.last_mut() else { return };
        open.modules.extend(module.map(|cost| cost.unwrap_or(UNKNOWN)));
        open.components.extend(component.map(|cost| cost.unwrap_or(UNKNOWN)));
    }
}

impl Open {
    fn note(&mut self, payload: &Payload<'_>) -> wasmparser::Result<()> {
        let mut items = |count: u32| self.cost.bytes += u64::from(count) * ITEM_BYTES;
        match payload {
            Payload::ImportSection(section) => items(section.count()),
            Payload::FunctionSection(section) => items(section.count()),
            Payload::GlobalSection(section) => items(section.count()),
            Payload::DataSection(section) => items(section.count()),
            Payload::TableSection(section) => {
                items(section.count());
                self.cost.tables += u64::from(section.count());
            }
            Payload::MemorySection(section) => {
                items(section.count());
                self.cost.memories += u64::from(section.count());
            }
            Payload::ElementSection(section) => {
                items(section.count());
                for segment in section.clone() {
                    let elements = match segment?.items {
                        ElementItems::Functions(functions) => functions.count(),
                        ElementItems::Expressions(_, expressions) => expressions.count(),
                    };
                    self.cost.bytes += u64::from(elements) * ELEMENT_BYTES;
                }
            }
            Payload::InstanceSection(section) => {
                for instance in section.clone() {
                    if let Instance::Instantiate { module_index, .. } = instance? {
                        self.cost.add(self.modules.get(module_index as usize).copied().unwrap_or(UNKNOWN));
                    }
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    if let ComponentInstance::Instantiate { component_index, .. } = instance? {
                        self.cost.add(self.components.get(component_index as usize).copied().unwrap_or(UNKNOWN));
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section.clone() {
                    match import?.ty {
                        ComponentTypeRef::Module(_) => self.modules.push(UNKNOWN),
                        ComponentTypeRef::Component(_) => self.components.push(UNKNOWN),
                        _ => {}
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                // What is exported gets an index of its own.
                for export in section.clone() {
                    let export = export?;
                    let at = |space: &Vec<Cost>| space.get(export.index as usize).copied().unwrap_or(UNKNOWN);
                    match export.kind {
                        ComponentExternalKind::Module => self.modules.push(at(&self.modules)),
                        ComponentExternalKind::Component => self.components.push(at(&self.components)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmparser::Parser;

    fn cost(text: &str) -> Cost {
        let binary = wat::parse_str(text).expect("a component");
        let mut instances = Instances::default();
        for payload in Parser::new(0).parse_all(&binary) {
            instances.note(&payload.expect("it is well formed")).expect("it is well formed");
        }
        instances.outermost
    }

    #[test]
    fn a_module_counts_as_often_as_it_is_instantiated() {
        let found = cost(
            r#"(component
                (core module $large (memory 1) (table 1 funcref) (global i32 (i32.const 1)) (func))
                (core module $small)
                (core instance (instantiate $large))
                (core instance (instantiate $large)))"#,
        );
        let bytes = 2 * (INSTANCE_BYTES + 4 * ITEM_BYTES);
        assert_eq!(found, Cost { instances: 2, tables: 2, memories: 2, bytes });
    }

    #[test]
    fn elements_count_for_each_instance_since_each_has_its_own() {
        let found = cost(
            r#"(component
                (core module $m (func $f) (elem func $f $f $f $f))
                (core instance (instantiate $m)))"#,
        );
        assert_eq!(found.bytes, INSTANCE_BYTES + 2 * ITEM_BYTES + 4 * ELEMENT_BYTES);
    }

    #[test]
    fn components_in_components_multiply() {
        let mut text = "(core module $m) (core instance (instantiate $m))".to_owned();
        for _ in 0..40 {
            text = format!("(component $c {text}) (instance (instantiate $c)) (instance (instantiate $c))");
        }
        assert_eq!(cost(&format!("(component {text})")).instances, 1 << 40);
    }

    #[test]
    fn what_an_alias_names_counts_as_itself_and_what_comes_from_outside_as_without_end() {
        let aliased = cost(
            r#"(component $outer
                (core module $m (memory 1))
                (component $c
                    (alias outer $outer $m (core module $m))
                    (core instance (instantiate $m)))
                (instance (instantiate $c)))"#,
        );
        assert_eq!((aliased.instances, aliased.memories), (1, 1));
        let imported = cost(r#"(component (import "m" (core module $m)) (core instance (instantiate $m)))"#);
        assert_eq!(imported, UNKNOWN);
    }
}
