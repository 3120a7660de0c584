//! An engine of DynamoDB in memory: says where it is, and ends when its input does.

use std::error::Error;
use std::io::Read as _;

use dynoxide::Database;
use dynoxide::server::serve_on;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::spawn(|| {
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        serve_on(listener, Database::memory()?).await;
        Ok(())
    })
}
