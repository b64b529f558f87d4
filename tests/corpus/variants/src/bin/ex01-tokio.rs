//! One client at a time, on tokio's single-threaded runtime: each is served to its end before the next
//! is accepted.

use std::env;

use chrono::Local;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let address = env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:5000".into());
    let listener = match TcpListener::bind(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}");
            std::process::exit(1);
        }
    };
    println!(
        "Server listening on {}",
        listener.local_addr().expect("its own address")
    );
    while let Ok((client, peer)) = listener.accept().await {
        println!("[+] Connected: {peer}");
        if let Err(error) = serve(client).await {
            eprintln!("{peer}: {error}");
        }
        println!("[-] Disconnected: {peer}");
    }
}

async fn serve(client: TcpStream) -> std::io::Result<()> {
    let mut stream = BufStream::new(client);
    let mut line = Vec::new();
    while stream.read_until(b'\n', &mut line).await? > 0 {
        let message = String::from_utf8_lossy(&line).trim().to_owned();
        let timestamp = Local::now().format("%Y-%m-%d %H:%M:%S%.6f");
        stream
            .write_all(format!("[{timestamp}] Server got '{message}'\n").as_bytes())
            .await?;
        stream.flush().await?;
        line.clear();
    }
    Ok(())
}
