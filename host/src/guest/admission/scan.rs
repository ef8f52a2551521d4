//! One pass over a binary: whether it is valid and within the caps, and what is in it.

use wasmparser::component_types::{ComponentDefinedType, ComponentEntityType, ComponentFuncType, ComponentValType};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{ComponentTypeRef, Encoding, FuncValidatorAllocations, Parser, Payload, PrimitiveValType, TypeBounds};
use wasmparser::{ValidPayload, Validator, WasmFeatures};

use super::entries::{self, Entries, Entry};
use super::instances::{Cost, Instances};
use super::{Caps, Rejected};

/// What the engine has switched on: WebAssembly 2.0 without references to garbage-collected things, constants that
/// compute, and the component model without async. Whatever else a module uses is refused with the proposal's name.
const FEATURES: WasmFeatures = WasmFeatures::WASM2
    .difference(WasmFeatures::GC_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::COMPONENT_MODEL);

/// What a valid binary has.
pub(super) struct Scan {
    pub(super) encoding: Encoding,
    /// Of the outermost module or component.
    pub(super) imports: Vec<Import>,
    /// Names, of the outermost module or component.
    pub(super) exports: Vec<String>,
    pub(super) entries: Vec<Entry>,
    pub(super) functions: usize,
    /// What one instance takes.
    pub(super) instance: Cost,
    types: Types,
}

/// An import of a core module, or of a component, which has a name in one part only.
pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: Option<String>,
}

/// What the export `run` is.
pub(super) enum Run {
    AsInContract,
    Missing,
    Other(&'static str),
}

/// Validates a binary, its function bodies too. Iterative: how deep things are inside one another costs no stack.
pub(super) fn scan(bytes: &[u8], caps: &Caps) -> Result<Scan, Rejected> {
    let mut validator = Validator::new_with_features(FEATURES);
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    let mut found = Found::default();
    let mut outermost = None;
    for payload in parser.parse_all(bytes) {
        let payload = payload?;
        // First the caps: what is too large is not worth validating.
        found.note(&payload, caps)?;
        match validator.payload(&payload)? {
            ValidPayload::Func(function, body) => {
                let mut function = function.into_validator(allocations);
                function.validate(&body)?;
                allocations = function.into_allocations();
            }
            // The outermost ends last.
            ValidPayload::End(types) => outermost = Some(types),
            ValidPayload::Ok | ValidPayload::Parser(_) => {}
        }
    }
    let (Some(encoding), Some(types)) = (found.encoding, outermost) else {
        return Err(Rejected::Invalid { offset: bytes.len(), message: "unexpected end".into() });
    };
    let Found { imports, exports, entries, functions, instances, .. } = found;
    let (entries, instance) = (entries.into_vec(), instances.outermost);
    let counted = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    Rejected::if_above(caps.instances, counted(instance.instances), "core instances")?;
    Rejected::if_above(caps.tables, counted(instance.tables), "tables")?;
    Rejected::if_above(caps.memories, counted(instance.memories), "memories")?;
    Ok(Scan { encoding, imports, exports, entries, functions, instance, types })
}

#[derive(Default)]
struct Found {
    encoding: Option<Encoding>,
    imports: Vec<Import>,
    exports: Vec<String>,
    entries: Entries,
    functions: usize,
    instances: Instances,
    /// How many modules and components are open.
    depth: usize,
}

impl Found {
    fn note(&mut self, payload: &Payload<'_>, caps: &Caps) -> Result<(), Rejected> {
        self.instances.note(payload)?;
        match payload {
            Payload::Version { encoding, .. } => {
                self.encoding.get_or_insert(*encoding);
                self.depth += 1;
                Rejected::if_above(caps.nesting, self.depth, "levels of nesting")
            }
            Payload::End(_) => {
                self.depth -= 1;
                Ok(())
            }
            Payload::FunctionSection(functions) => {
                self.functions += functions.count() as usize;
                Rejected::if_above(caps.functions, self.functions, "functions")
            }
            Payload::CodeSectionEntry(body) => {
                Rejected::if_above(caps.body_bytes, body.range().len(), "bytes in one function")
            }
            Payload::CustomSection(custom) if custom.name() == entries::SECTION => self.entries.read(custom.data()),
            outermost if self.depth == 1 => self.note_outermost(outermost),
            _ => Ok(()),
        }
    }

    fn note_outermost(&mut self, payload: &Payload<'_>) -> Result<(), Rejected> {
        match payload {
            Payload::ImportSection(imports) => {
                for import in imports.clone().into_imports() {
                    let import = import?;
                    self.imports.push(Import { module: import.module.into(), name: Some(import.name.into()) });
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    self.exports.push(export?.name.into());
                }
            }
            Payload::ComponentImportSection(imports) => {
                for import in imports.clone() {
                    let import = import?;
                    // A name for a type that is known anyway: nothing that a host would have to offer.
                    if !matches!(import.ty, ComponentTypeRef::Type(TypeBounds::Eq(_))) {
                        self.imports.push(Import { module: import.name.name.into(), name: None });
                    }
                }
            }
            Payload::ComponentExportSection(exports) => {
                for export in exports.clone() {
                    self.exports.push(export?.name.name.into());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Scan {
    /// What the component's export `run` is.
    pub(super) fn run(&self) -> Run {
        let types = self.types.as_ref();
        match types.component_item_for_export("run").map(|item| item.ty) {
            None => Run::Missing,
            Some(ComponentEntityType::Func(id)) if is_run(types, &types[id]) => Run::AsInContract,
            Some(ComponentEntityType::Func(_)) => Run::Other("a function of another type"),
            Some(ComponentEntityType::Instance(_)) => Run::Other("an interface"),
            Some(ComponentEntityType::Module(_)) => Run::Other("a core module"),
            Some(ComponentEntityType::Component(_)) => Run::Other("a component"),
            Some(ComponentEntityType::Type { .. }) => Run::Other("a type"),
            Some(ComponentEntityType::Value(_)) => Run::Other("a value"),
        }
    }

    /// The functions that the component needs of the interface it imports under this name; `None` if the import is
    /// something else than an interface.
    pub(super) fn imported_functions(&self, name: &str) -> Option<Vec<&str>> {
        let ComponentEntityType::Instance(id) = self.types.component_item_for_import(name)?.ty else { return None };
        let exports = self.types[id].exports.iter();
        let functions = exports.filter(|(_, item)| matches!(item.ty, ComponentEntityType::Func(_)));
        Some(functions.map(|(name, _)| name.as_str()).collect())
    }
}

/// `func(string, string) -> result<string, string>`. The parameters' names are the toolchain's business.
fn is_run(types: TypesRef<'_>, run: &ComponentFuncType) -> bool {
    let [(_, entry), (_, args)] = &*run.params else { return false };
    let Some(ComponentValType::Type(result)) = run.result else { return false };
    let ComponentDefinedType::Result { ok, err, .. } = &types[result] else { return false };
    let is_string = |ty| matches!(ty, Some(ComponentValType::Primitive(PrimitiveValType::String)));
    !run.async_ && [Some(*entry), Some(*args), *ok, *err].into_iter().all(is_string)
}
