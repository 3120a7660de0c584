#!/usr/bin/env bash
# Package:   redb 4.6.0 (crates.io).
# Behaviour: one commit that finds no room is answered with the system's error. From then on each write is refused with
#            PreviousIo, also when there is room again; reads go on as if nothing were the matter. Opening the file anew, in
#            the same process, mends it, and what was committed before is there.
# One would have guessed: that the next write succeeds once there is room, or that reads fail as well.
# Matters here: a server that keeps its database open looks alive to whoever reads and refuses all who write until it is
#            started again, unless it opens the file anew by itself.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"
[dependencies]
redb = "=4.6.0"
TOML
cat > src/main.rs <<'RUST'
use std::fs::OpenOptions;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use redb::backends::FileBackend;
use redb::{Database, Error, ReadableDatabase, StorageBackend, TableDefinition};

const TABLE: TableDefinition<&str, &str> = TableDefinition::new("t");

/// A file on a disk that is full while the flag says so (ENOSPC is 28).
#[derive(Debug)]
struct Disk(FileBackend, Arc<AtomicBool>);

impl Disk {
    fn room(&self) -> io::Result<()> {
        if self.1.load(SeqCst) { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.room()?;
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.room()?;
        self.0.write(offset, data)
    }
}

fn write(database: &Database, key: &str) -> Result<(), Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(TABLE)?.insert(key, "v")?;
    Ok(transaction.commit()?)
}

fn read(database: &Database, key: &str) -> Result<bool, Error> {
    Ok(database.begin_read()?.open_table(TABLE)?.get(key)?.is_some())
}

fn said<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(Error::PreviousIo) => "PreviousIo".to_owned(),
        Err(Error::Io(error)) => format!("{:?}", error.kind()),
        Err(other) => format!("{other:?}"),
    }
}

fn main() {
    let full = Arc::new(AtomicBool::new(false));
    let open = || {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open("file.redb").unwrap();
        let disk = Disk(FileBackend::new(file).unwrap(), Arc::clone(&full));
        Database::builder().create_with_backend(disk).unwrap()
    };
    let database = open();
    println!("room: write a: {}", said(write(&database, "a")));
    full.store(true, SeqCst);
    println!("full: write b: {}", said(write(&database, "b")));
    println!("full: read a: {}", said(read(&database, "a")));
    full.store(false, SeqCst);
    println!("room again: write b: {}", said(write(&database, "b")));
    println!("room again: read a: {}", said(read(&database, "a")));
    drop(database);
    let database = open();
    println!("opened anew: read a: {}, b: {}", said(read(&database, "a")), said(read(&database, "b")));
    println!("opened anew: write b: {}", said(write(&database, "b")));
}
RUST
cargo run --quiet > seen
cat seen
diff - seen <<'SEEN'
room: write a: ()
full: write b: StorageFull
full: read a: true
room again: write b: PreviousIo
room again: read a: true
opened anew: read a: true, b: false
opened anew: write b: ()
SEEN
echo "as it was"
