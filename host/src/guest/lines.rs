//! Which line of its source a place in a module's code is from, if the module's build says so: DWARF's line tables.
//!
//! The engine could tell that at each trap, but reads the whole debug information for it, once a frame, and recurses as deep
//! as a stranger's module says. Here the line tables alone are read, once, when the module is loaded: iterative, in time linear
//! in their bytes, and within bounds. The price is that a function which was inlined has no frame of its own.

use std::collections::HashMap;
use std::ops::Range;

use gimli::{AttributeValue, DebugLine, DebugLineOffset, EndianSlice, LineProgramHeader, LittleEndian};
use wasmparser::{Parser, Payload};

/// Bytes of line tables that are read of one core module. A program in Rust that is built for debugging has one MB.
const TABLE_BYTES_MAX: usize = 8 << 20;

/// Rows that are kept of a module, 12 bytes each.
const ROWS_MAX: usize = 2 << 20;

/// Names of files that are kept of a module.
const FILES_MAX: usize = 1 << 16;

/// Bytes of a file's name, with its folders. One that is longer is no file that somebody wants to read of.
const FILE_BYTES_MAX: usize = 256;

/// A module's places and lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Ascending.
    rows: Vec<Row>,
    files: Vec<Box<str>>,
}

/// From here on the code is from this line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    /// In the binary, from its first byte.
    place: u32,
    /// From 1; 0: nobody knows.
    line: u32,
    file: u32,
}

type Section<'a> = EndianSlice<'a, LittleEndian>;

/// What a core module says of its lines.
#[derive(Default)]
struct Tables<'a> {
    code: Range<usize>,
    lines: &'a [u8],
    strings: &'a [u8],
    line_strings: &'a [u8],
}

impl Lines {
    /// Reads what the core modules of a component say. What cannot be read, and what is beyond the bounds, is not known.
    pub(super) fn read(component: &[u8]) -> Lines {
        let mut reader = Reader::default();
        let mut open: Vec<Tables<'_>> = Vec::new();
        for payload in Parser::new(0).parse_all(component) {
            match (payload, open.last_mut()) {
                (Ok(Payload::Version { .. }), _) => open.push(Tables::default()),
                (Ok(Payload::CodeSectionStart { range, .. }), Some(tables)) => tables.code = range,
                (Ok(Payload::CustomSection(custom)), Some(tables)) => match custom.name() {
                    ".debug_line" => tables.lines = custom.data(),
                    ".debug_str" => tables.strings = custom.data(),
                    ".debug_line_str" => tables.line_strings = custom.data(),
                    _ => {}
                },
                (Ok(Payload::End(_)), Some(_)) => {
                    let tables = open.pop().expect("just seen");
                    if tables.lines.len() <= TABLE_BYTES_MAX {
                        // As far as it could be read, it is right.
                        _ = reader.read(&tables);
                    }
                }
                (Ok(_), _) => {}
                (Err(_), _) => break,
            }
        }
        reader.finish()
    }

    /// The file and the line of a place in the binary.
    pub(super) fn find(&self, place: usize) -> Option<(&str, u32)> {
        let place = u32::try_from(place).ok()?;
        let row = self.rows[..self.rows.partition_point(|row| row.place <= place)].last()?;
        (row.line > 0).then(|| (&*self.files[row.file as usize], row.line))
    }
}

#[derive(Default)]
struct Reader {
    rows: Vec<Row>,
    files: HashMap<Box<str>, u32>,
}

impl Reader {
    /// The tables of a core module: one program for each unit of its source.
    fn read(&mut self, tables: &Tables<'_>) -> gimli::Result<()> {
        const ADDRESS_BYTES: u8 = 4;
        let section = DebugLine::new(tables.lines, LittleEndian);
        let mut at = 0;
        while at < tables.lines.len() {
            let program = section.program(DebugLineOffset(at), ADDRESS_BYTES, None, None)?;
            at += program.header().unit_length() + usize::from(program.header().format().initial_length_size());
            let (mut rows, mut files, mut sequence) = (program.rows(), HashMap::new(), Vec::new());
            while let Some((header, row)) = rows.next_row()? {
                if self.rows.len() + sequence.len() >= ROWS_MAX {
                    return Ok(());
                }
                let line = row.line().and_then(|line| u32::try_from(line.get()).ok()).filter(|_| !row.end_sequence());
                let index = row.file_index();
                let file =
                    line.and_then(|_| *files.entry(index).or_insert_with(|| self.file(tables.path(header, index)?)));
                sequence.push(Row {
                    place: u32::try_from(row.address()).unwrap_or(u32::MAX),
                    line: line.filter(|_| file.is_some()).unwrap_or(0),
                    file: file.unwrap_or(0),
                });
                if row.end_sequence() {
                    self.keep(&mut sequence, &tables.code);
                }
            }
        }
        Ok(())
    }

    fn file(&mut self, path: String) -> Option<u32> {
        let next = u32::try_from(self.files.len()).ok().filter(|_| self.files.len() < FILES_MAX);
        match self.files.get(path.as_str()) {
            Some(file) => Some(*file),
            None => next.inspect(|next| _ = self.files.insert(path.into(), *next)),
        }
    }

    /// A sequence of rows, counted from the beginning of the code, of which the last only says where it ends. What the
    /// linker left out stands at 0, where there is no code, or beyond the end.
    fn keep(&mut self, sequence: &mut Vec<Row>, code: &Range<usize>) {
        let rows = sequence.drain(..);
        let [Row { place: 1.., .. }, .., end] = rows.as_slice() else { return };
        let (Ok(start), true) = (u32::try_from(code.start), end.place as usize <= code.len()) else { return };
        let last = end.place;
        let rows = rows.filter(|row| row.place <= last).map(|row| Row { place: row.place + start, ..row });
        let mut before = None;
        // Rows that differ in what is not told are one.
        self.rows.extend(rows.filter(|row| before.replace((row.file, row.line)) != Some((row.file, row.line))));
    }

    fn finish(mut self) -> Lines {
        // Where one sequence ends and another begins, the beginning counts.
        self.rows.sort_by_key(|row| (row.place, row.line > 0));
        self.rows.shrink_to_fit();
        let mut files: Vec<_> = self.files.into_iter().collect();
        files.sort_unstable_by_key(|(_, index)| *index);
        Lines { rows: self.rows, files: files.into_iter().map(|(file, _)| file).collect() }
    }
}

impl<'a> Tables<'a> {
    /// The name of a file as the compiler was given it, with its folder.
    fn path(&self, header: &LineProgramHeader<Section<'a>>, file: u64) -> Option<String> {
        let file = header.file(file)?;
        let name = self.text(file.path_name())?;
        let folder = file.directory(header).and_then(|folder| self.text(folder)).filter(|folder| !folder.is_empty());
        let path = match folder {
            Some(folder) if !name.starts_with('/') => format!("{folder}/{name}"),
            _ => name.to_owned(),
        };
        (path.len() <= FILE_BYTES_MAX).then_some(path)
    }

    /// A text, wherever it stands. One that is too long is not read to its end, as many files may share it.
    fn text(&self, value: AttributeValue<Section<'a>>) -> Option<&'a str> {
        let bytes = match value {
            AttributeValue::String(text) => text.slice(),
            AttributeValue::DebugStrRef(at) => terminated(self.strings, at.0)?,
            AttributeValue::DebugLineStrRef(at) => terminated(self.line_strings, at.0)?,
            _ => return None,
        };
        if bytes.len() > FILE_BYTES_MAX {
            return None;
        }
        std::str::from_utf8(bytes).ok()
    }
}

fn terminated(section: &[u8], at: usize) -> Option<&[u8]> {
    let text = section.get(at..)?;
    let end = text.iter().take(FILE_BYTES_MAX + 1).position(|byte| *byte == 0)?;
    Some(&text[..end])
}
#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use wasm_encoder::{CodeSection, CustomSection, Function, FunctionSection, Module, TypeSection};

    use super::*;

    /// Bytes of code, counted with its head, in a module of [`module`].
    const CODE_BYTES: u32 = 4;

    /// A core module of one empty function with such line tables.
    fn module(tables: &[u8]) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut code = CodeSection::new();
        let mut function = Function::new([]);
        function.instructions().end();
        code.function(&function);
        let mut module = Module::new();
        module.section(&types).section(FunctionSection::new().function(0)).section(&code);
        module.section(&CustomSection { name: ".debug_line".into(), data: tables.into() });
        module.finish()
    }

    /// The place where the code of a module begins.
    fn code(module: &[u8]) -> usize {
        let mut payloads = Parser::new(0).parse_all(module);
        let code = payloads.find_map(|payload| match payload {
            Ok(Payload::CodeSectionStart { range, .. }) => Some(range),
            _ => None,
        });
        let range = code.expect("it has code");
        assert_eq!(range.len(), CODE_BYTES as usize);
        range.start
    }

    /// The table of a unit in DWARF 4: code from `start` on is from line 7 of the file, up to `end`.
    fn unit(file: &str, start: u32, end: u8) -> Vec<u8> {
        let mut head = vec![1, 1, 1, -5i8 as u8, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
        head.extend([b"src\0\0", file.as_bytes(), b"\0\x01\0\0\0"].concat());
        let set_address = [&[0, 5, 2][..], &start.to_le_bytes()].concat();
        let (advance_line, copy, advance_pc, end_sequence) = ([3, 6], [1], [2, end - start as u8], [0, 1, 1]);
        let rows = [&set_address[..], &advance_line, &copy, &advance_pc, &end_sequence].concat();
        let rest = [&4u16.to_le_bytes()[..], &(head.len() as u32).to_le_bytes(), &head, &rows].concat();
        [&(rest.len() as u32).to_le_bytes()[..], &rest].concat()
    }

    #[test]
    fn a_place_has_the_line_of_the_last_row_before_it() {
        let module = module(&unit("a.rs", 2, 4));
        let (lines, code) = (Lines::read(&module), code(&module));
        let found = |address: usize| lines.find(code + address);
        assert_eq!([1, 2, 3, 4].map(found), [None, Some(("src/a.rs", 7)), Some(("src/a.rs", 7)), None]);
    }

    #[test]
    fn what_was_linked_away_is_not_there() {
        let dead = unit("dead.rs", 0, 4);
        let beyond = unit("beyond.rs", 2, 5);
        let module = module(&[dead, beyond, unit("/a.rs", 2, 4)].concat());
        let (lines, code) = (Lines::read(&module), code(&module));
        assert_eq!((lines.find(code + 2), lines.rows.len()), (Some(("/a.rs", 7)), 2));
    }

    #[test]
    fn a_file_with_too_long_a_name_is_not_known_and_neither_are_its_lines() {
        let module = module(&unit(&"x".repeat(FILE_BYTES_MAX), 2, 4));
        assert_eq!(Lines::read(&module).find(code(&module) + 2), None);
    }

    #[test]
    fn rows_beyond_the_bounds_are_not_kept() {
        let rows = vec![1; ROWS_MAX + 1];
        let mut table = unit("a.rs", 2, 4);
        let end = table.len() - 3;
        table.splice(end..end, rows);
        let bytes = (table.len() - 4) as u32;
        table[..4].copy_from_slice(&bytes.to_le_bytes());
        assert_eq!(Lines::read(&module(&table)).rows, []);
    }

    proptest! {
        #[test]
        fn whatever_a_module_says_is_read(
            cut in 0..100usize, changes in prop::collection::vec((0..200usize, any::<u8>()), 0..8)
        ) {
            let mut tables = [unit("a.rs", 2, 4), unit("b.rs", 3, 4), unit("c.rs", 2, 3)].concat();
            for (at, byte) in changes {
                let at = at % tables.len();
                tables[at] = byte;
            }
            tables.truncate(tables.len() - cut);
            let module = module(&tables);
            let lines = Lines::read(&module);
            for place in 0..module.len() + 1 {
                lines.find(place);
            }
        }
    }
}
