//! Which modules are loaded: name → compiled component, each compiled once.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

use bytes::Bytes;
use thiserror::Error;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use super::admission::{Admitted, Caps, Entry, Kind, Rejected, admit};
use super::bindings::ActorPre;
use super::cache::{Cache, Key};
use super::engine;
use super::lines::Lines;
use super::memory::{Needs, Slabs};
use super::state::Guest;
use super::wasi::Preopens;
use crate::actor::spawner::Home;
use crate::address::quoted;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::load_options::LoadOptions;
use crate::lock::{lock, read, write};
use crate::module_hash::ModuleHash;
use crate::node::spawning::Travels;
use crate::refusal::{Refusal, RefusalKind};

/// A module that a node has loaded: a compiled component with a name. A handle; clones are the same module, and equal.
#[derive(Clone)]
pub struct Module(Arc<Loaded>);

struct Loaded {
    name: String,
    /// Which of its node's modules it is, in the order they were loaded.
    number: u64,
    code: Arc<Code>,
    limits: Limits,
    grants: Arc<Grants>,
    preopens: Preopens,
    /// Kinds of grants for want of which something was refused, and that was logged.
    lacked: Mutex<BTreeSet<&'static str>>,
}

/// What is the same whoever loads the bytes, and for whom.
struct Code {
    hash: String,
    /// As they were given: what other nodes are sent.
    bytes: Bytes,
    admitted: Admitted,
    pre: ActorPre<Guest>,
    needs: Needs,
    lines: Lines,
}

/// Why a module was not loaded. Nothing of it ran.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such file.
    #[error("cannot load {path}: no such file")]
    NotFound {
        /// As it was given.
        path: String,
    },
    /// The file is there and cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// As it was given.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bytes are not a module that can be an actor.
    #[error("cannot load {name}: {source}")]
    Rejected {
        /// The module's name or path.
        name: String,
        /// What is wrong with it.
        source: Rejected,
    },
    /// The compiler did not take it, though it is valid.
    #[error("cannot compile {name}: {message}")]
    Compile {
        /// The module's name or path.
        name: String,
        /// What the compiler said.
        message: String,
    },
    /// The system gave no thread to compile on.
    #[error("cannot load {name}: no thread to compile it on: {source}")]
    NoThread {
        /// The module's name or path.
        name: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// How much of a module's name other nodes are told.
const NAME_CHARACTERS_TOLD: usize = 60;

impl Module {
    /// What guests write before the slash of `module/entry`: the file's name without its ending.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The BLAKE3 hash of the bytes as they were given, in 64 hexadecimal digits.
    pub fn hash(&self) -> &str {
        &self.0.code.hash
    }

    /// What actors can run in it, as its SDK wrote it down; empty if the module does not say.
    pub fn entries(&self) -> &[Entry] {
        &self.0.code.admitted.entries
    }

    /// The interfaces it imports, as it names them.
    pub fn imports(&self) -> &[String] {
        &self.0.code.admitted.imports
    }

    /// The bytes it was loaded from, counted.
    pub fn size(&self) -> usize {
        self.0.code.admitted.size
    }

    /// What these bytes were.
    pub fn kind(&self) -> Kind {
        self.0.code.admitted.kind
    }

    /// How many functions it has, in all its core modules together.
    pub fn functions(&self) -> usize {
        self.0.code.admitted.functions
    }

    /// What it was loaded with: what an actor of it may do that the program starts.
    pub fn grants(&self) -> &Arc<Grants> {
        &self.0.grants
    }

    /// The folders that it was granted, open.
    pub(super) fn preopens(&self) -> &Preopens {
        &self.0.preopens
    }

    /// Something was refused to one of its actors for want of a grant. The first time for each kind that is logged, unless
    /// the module has it: then the actor's spawner has not handed it on, and knows why.
    pub(super) fn lacks(&self, kind: &'static str, of_module: bool, message: &str) {
        if !of_module && lock(&self.0.lacked).insert(kind) {
            tracing::warn!(target: "greenroom", "an actor of `{}` {message}", quoted(self.name()));
        }
    }

    /// Whether anybody has it but who keeps it.
    pub(super) fn is_used(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    /// As other nodes are told of it.
    pub(super) fn travels(&self) -> Travels {
        let name = self.name().chars().take(NAME_CHARACTERS_TOLD).collect::<String>().into();
        Travels { hash: self.0.code.admitted.hash, bytes: self.size() as u64, name }
    }

    /// As what the bare entries of its actors mean.
    pub(crate) fn as_home(&self) -> Home {
        self.0.clone()
    }

    pub(super) fn of_home(home: &Home) -> Option<Module> {
        home.clone().downcast().ok().map(Module)
    }

    /// What each of its actors that did not come from another of its actors may use, with all below it.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Bytes that one instance takes of the host, beside its memories and tables.
    pub(super) fn instance_bytes(&self) -> u64 {
        self.0.code.admitted.instance_bytes
    }

    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    pub(super) fn pre(&self) -> &ActorPre<Guest> {
        &self.0.code.pre
    }

    /// What one instance needs.
    pub(super) fn needs(&self) -> Needs {
        self.0.code.needs
    }

    /// Which lines of its source its code is from.
    pub(super) fn lines(&self) -> &Lines {
        &self.0.code.lines
    }

    /// # Errors
    ///
    /// `no-such-entry`, with the list of those there are, if the module says which.
    pub(super) fn check_entry(&self, entry: &str) -> Result<(), Refusal> {
        let entries = self.entries();
        if entries.is_empty() || entries.iter().any(|known| known.name == entry) {
            return Ok(());
        }
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let message = format!("module `{}` has no entry `{}`; it has {}", self.name(), quoted(entry), names.join(", "));
        Err(Refusal::new(RefusalKind::NoSuchEntry, message).with("entries", names))
    }
}

impl PartialEq for Module {
    fn eq(&self, other: &Module) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Module {}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Module({}, {})", self.name(), self.hash())
    }
}

/// The loaded modules, and what it takes to load one.
pub(crate) struct Library {
    engine: Engine,
    slabs: Slabs,
    linker: Linker<Guest>,
    cache: Option<Cache>,
    by_name: RwLock<HashMap<String, Module>>,
    /// Of all modules that are in use.
    by_hash: RwLock<HashMap<ModuleHash, Weak<Code>>>,
    loaded: AtomicU64,
}

impl Library {
    pub(super) fn new(cache: Option<Cache>) -> wasmtime::Result<Library> {
        let (engine, slabs) = engine::new()?;
        let linker = engine::linker(&engine)?;
        let (by_name, by_hash) = (RwLock::default(), RwLock::default());
        Ok(Library { engine, slabs, linker, cache, by_name, by_hash, loaded: AtomicU64::new(0) })
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Where its modules' instances get their memories and stacks.
    pub(super) fn slabs(&self) -> &Slabs {
        &self.slabs
    }

    /// The module that was loaded last under this name.
    pub(super) fn find(&self, name: &str) -> Option<Module> {
        read(&self.by_name).get(name).cloned()
    }

    /// Loads a module from a file; its name is the file's without the ending. Takes as long as compiling does.
    pub(crate) fn load_file(&self, path: &Path, options: &LoadOptions) -> Result<Module, LoadError> {
        let shown = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => LoadError::NotFound { path: shown.clone() },
            _ => LoadError::Read { path: shown.clone(), source },
        })?;
        let name = path.file_stem().map_or_else(|| shown.clone(), |stem| stem.to_string_lossy().into_owned());
        self.load(&name, &shown, &bytes, options)
    }

    /// Loads a module from bytes. If the same bytes are loaded under the same name, with the same options, that is the
    /// module; others take the name over, and actors of the old module live on. Errors call it `shown`.
    pub(crate) fn load(
        &self,
        name: &str,
        shown: &str,
        bytes: &[u8],
        options: &LoadOptions,
    ) -> Result<Module, LoadError> {
        let hash = ModuleHash::of(bytes);
        let same = self.find(name).filter(|module| module.0.code.admitted.hash == hash);
        let is_all = |module: &&Module| **module.grants() == options.grants && *module.limits() == options.limits;
        if let Some(module) = same.as_ref().filter(is_all) {
            return Ok(module.clone());
        }
        let preopens = Preopens::of(&options.grants).map_err(|(path, source)| LoadError::Read { path, source })?;
        let code = match same {
            Some(module) => module.0.code.clone(),
            None => self.code(shown, hash, Bytes::copy_from_slice(bytes), &Caps::local())?,
        };
        let module = self.module(name, code, options, options.limits.clone(), preopens);
        write(&self.by_name).insert(name.to_owned(), module.clone());
        Ok(module)
    }

    /// A module that another node has sent: of no name here, and with limits that are its node's.
    pub(super) fn arrived(
        &self,
        Travels { hash, name, .. }: &Travels,
        bytes: Bytes,
        options: &LoadOptions,
        caps: &Caps,
    ) -> Result<Module, LoadError> {
        let preopens = Preopens::of(&options.grants).map_err(|(path, source)| LoadError::Read { path, source })?;
        let code = self.code(&format!("`{}`", quoted(name)), *hash, bytes, caps)?;
        Ok(self.module(name, code, options, Limits::default(), preopens))
    }

    fn module(&self, name: &str, code: Arc<Code>, options: &LoadOptions, limits: Limits, preopens: Preopens) -> Module {
        Module(Arc::new(Loaded {
            name: name.to_owned(),
            number: self.loaded.fetch_add(1, Ordering::Relaxed),
            code,
            limits,
            grants: Arc::new(options.grants.clone()),
            preopens,
            lacked: Mutex::default(),
        }))
    }

    /// A module's bytes, if it is in use or loaded.
    pub(super) fn bytes(&self, hash: &ModuleHash) -> Option<Bytes> {
        self.find_code(hash).map(|code| code.bytes.clone())
    }

    /// Whether this node's owner has loaded it.
    pub(super) fn is_loaded(&self, hash: &ModuleHash) -> bool {
        read(&self.by_name).values().any(|module| module.0.code.admitted.hash == *hash)
    }

    fn find_code(&self, hash: &ModuleHash) -> Option<Arc<Code>> {
        read(&self.by_hash).get(hash)?.upgrade()
    }

    /// Admits and compiles bytes of that hash, if no module of them is in use.
    fn code(&self, shown: &str, hash: ModuleHash, bytes: Bytes, caps: &Caps) -> Result<Arc<Code>, LoadError> {
        if let Some(code) = self.find_code(&hash) {
            return Ok(code);
        }
        let mut admitted =
            admit(&bytes, caps).map_err(|source| LoadError::Rejected { name: shown.to_owned(), source })?;
        let compile_error =
            |why: wasmtime::Error| LoadError::Compile { name: shown.to_owned(), message: format!("{why:#}") };
        let component = self.compile(&admitted).map_err(compile_error)?;
        let pre = self.linker.instantiate_pre(&component).and_then(ActorPre::new).map_err(compile_error)?;
        let needs = match component.resources_required() {
            Some(required) => Needs {
                memories: required.num_memories as usize,
                bytes: required.max_initial_memory_size.map_or(0, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
            },
            // It is instantiated in ways that only its code knows.
            None => Needs { memories: admitted.memories, bytes: 0 },
        };
        let lines = Lines::read(&admitted.component);
        // Compiled, it is not needed any more.
        admitted.component = Vec::new();
        let code = Arc::new(Code { hash: hash.to_string(), bytes, admitted, pre, needs, lines });
        let mut by_hash = write(&self.by_hash);
        by_hash.retain(|_, code| code.strong_count() > 0);
        by_hash.insert(hash, Arc::downgrade(&code));
        Ok(code)
    }

    /// Machine code from the cache, or from the compiler.
    #[expect(unsafe_code, reason = "compiled code is loaded as it is: only what this host wrote")]
    fn compile(&self, admitted: &Admitted) -> wasmtime::Result<Component> {
        let Some(cache) = &self.cache else { return Component::from_binary(&self.engine, &admitted.component) };
        // Of the component, not of what was given: around a core module a newer host may make another.
        let key = Key::new(blake3::hash(&admitted.component), &self.engine.precompile_compatibility_hash());
        if let Some(code) = cache.get(&key) {
            // SAFETY: `Cache::get` answers only bytes that `Cache::put` wrote with this user's secret key, and we put
            // only what `precompile_component` made for an engine with the same compatibility hash.
            match unsafe { Component::deserialize(&self.engine, &code) } {
                Ok(component) => return Ok(component),
                Err(why) => tracing::warn!(target: "greenroom", "ignoring cached code: {why:#}"),
            }
        }
        let code = self.engine.precompile_component(&admitted.component)?;
        if let Err(why) = cache.put(&key, &code) {
            tracing::warn!(target: "greenroom", "cannot cache compiled code: {why}");
        }
        // SAFETY: these bytes come from this engine's own compiler.
        unsafe { Component::deserialize(&self.engine, &code) }
    }
}
