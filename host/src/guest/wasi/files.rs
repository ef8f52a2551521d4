//! `wasi:filesystem`: the folders that an actor is granted, and all that is in them.

use std::collections::BTreeMap;
use std::io;

use wasmtime::Result;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::filesystem::{Descriptor, Dir, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::{FsPerms, OpenMode};

use super::{Guest, VERSION};
use crate::grants::{Access, Grants};
use crate::guest::admission::Kind;

/// A module's folders, open for as long as it is loaded, by what its guests call them. Its actors share them: a thousand
/// actors hold no more descriptors than one.
pub(in crate::guest) struct Preopens(BTreeMap<String, Dir>);

impl Preopens {
    /// # Errors
    ///
    /// If the process has no descriptor left; for which folder.
    pub(in crate::guest) fn of(grants: &Grants) -> Result<Preopens, (String, io::Error)> {
        let open = grants.folders().map(|(guest, folder)| {
            let handle = folder.handle().try_clone();
            let handle = handle.map_err(|why| (folder.path().display().to_string(), why))?;
            let (perms, mode) = permissions(folder.access());
            Ok((guest.clone(), Dir::new(handle, perms, mode, false)))
        });
        open.collect::<Result<_, _>>().map(Preopens)
    }

    /// A folder, to do so much with it.
    fn get(&self, guest: &str, access: Access) -> Option<Dir> {
        let mut dir = self.0.get(guest)?.clone();
        (dir.perms, dir.open_mode) = permissions(access);
        Some(dir)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn permissions(access: Access) -> (FsPerms, OpenMode) {
    match access {
        Access::ReadOnly => (FsPerms::ReadOnly, OpenMode::READ),
        Access::ReadWrite => (FsPerms::ReadWrite, OpenMode::READ | OpenMode::WRITE),
    }
}

/// Whether a program that asks for its folders wants one. C's library asks when it makes its first socket too, and the
/// adapter around a core module before anything else.
fn tells_of_files(grants: &Grants, kind: Kind) -> bool {
    !grants.has_network() && matches!(kind, Kind::Component | Kind::ComponentText)
}

impl preopens::Host for Guest {
    fn get_directories(&mut self) -> Result<Vec<(Resource<Descriptor>, String)>> {
        let (grants, module) = (self.context.grants().clone(), self.module.clone());
        if grants.folders().next().is_none() && tells_of_files(&grants, module.kind()) {
            let message = "asked for files: not granted; --allow dir=FOLDER would allow it";
            module.lacks("dir", !module.preopens().is_empty(), message);
        }
        let table = &mut self.wasi().table;
        let folders = grants.folders().filter_map(|(guest, folder)| {
            let dir = module.preopens().get(guest, folder.access())?;
            let descriptor = table.push(Descriptor::Dir(dir));
            Some(descriptor.map(|descriptor| (descriptor, guest.clone())).map_err(Into::into))
        });
        folders.collect()
    }
}

/// Replaces `open-at`: files are descriptors of the process, and guests leave some to others.
pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    type Arguments = (Resource<Descriptor>, PathFlags, String, OpenFlags, DescriptorFlags);
    let mut types = linker.instance(&format!("wasi:filesystem/types@{VERSION}"))?;
    types.func_wrap_async("[method]descriptor.open-at", |mut store, (dir, at, path, how, flags): Arguments| {
        Box::new(async move {
            let guest = store.data_mut();
            if !guest.has_room_for_descriptor() {
                // WASI has no word for too many open files.
                return Ok((Err(ErrorCode::InsufficientMemory),));
            }
            match guest.filesystem().open_at(dir, at, path, how, flags).await {
                Ok(opened) => Ok((Ok(opened),)),
                Err(why) => Ok((Err(why.downcast()?),)),
            }
        })
    })
}
