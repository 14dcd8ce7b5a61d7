//! The cable between the terminals and the server, as a TCP relay that can be cut and joined again.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A relay on loopback. Dropping it cuts it for good.
pub struct Network {
    /// Where terminals connect to.
    pub address: SocketAddr,
    whole: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Network {
    /// Relays every connection to `server`.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn to(server: SocketAddr) -> std::io::Result<Network> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (whole, watched) = watch::channel(true);
        let task = tokio::spawn(async move {
            loop {
                let Ok((client, _)) = listener.accept().await else { continue };
                let mut watched = watched.clone();
                tokio::spawn(async move {
                    if !*watched.borrow() {
                        return;
                    }
                    tokio::select! {
                        () = relay(client, server) => (),
                        // A closed channel (the relay is gone) cuts as well.
                        _ = watched.wait_for(|whole| !whole) => (),
                    }
                });
            }
        });
        Ok(Network { address, whole, task })
    }

    /// Cuts the cable: open connections break, new ones are dropped. Or joins it again.
    pub fn cut(&self, cut: bool) {
        self.whole.send_replace(!cut);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(mut client: TcpStream, server: SocketAddr) {
    if let Ok(mut server) = TcpStream::connect(server).await {
        // Either side may hang up at any time; that is what a network does.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    }
}
