//! A program with defined tasks and resources, so that a test can compare
//! the counts that a viewer shows.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, Mutex, Semaphore},
    task,
    time::sleep,
};

fn named(name: &str) -> task::Builder<'_> {
    task::Builder::new().name(name)
}

#[tokio::main]
async fn main() {
    let address: std::net::SocketAddr = std::env::args()
        .nth(1)
        .expect("an address to serve on")
        .parse()
        .expect("a socket address");
    console_subscriber::ConsoleLayer::builder()
        .server_addr(address)
        .publish_interval(Duration::from_millis(200))
        .init();

    // Holds a lock forever; two other tasks wait for it.
    let lock = Arc::new(Mutex::new(()));
    let held = lock.clone();
    named("holder")
        .spawn(async move {
            let _guard = held.lock().await;
            std::future::pending::<()>().await;
        })
        .unwrap();
    sleep(Duration::from_millis(50)).await;
    for _ in 0..2 {
        let lock = lock.clone();
        named("waiter")
            .spawn(async move {
                let _guard = lock.lock().await;
            })
            .unwrap();
    }

    // Spins 200 ms of each second.
    named("spinner")
        .spawn(async {
            loop {
                let until = std::time::Instant::now() + Duration::from_millis(200);
                while std::time::Instant::now() < until {
                    std::hint::spin_loop();
                }
                sleep(Duration::from_millis(800)).await;
            }
        })
        .unwrap();

    // Wakes itself 1000 times, then waits forever.
    named("self-waker")
        .spawn(async {
            for _ in 0..1000 {
                task::yield_now().await;
            }
            std::future::pending::<()>().await;
        })
        .unwrap();

    // Waits on a channel to which no task sends.
    let (sender, mut receiver) = mpsc::channel::<()>(7);
    named("receiver")
        .spawn(async move {
            receiver.recv().await;
        })
        .unwrap();

    // Two of three permits are taken.
    let permits = Arc::new(Semaphore::new(3));
    let _taken = permits.clone().acquire_many_owned(2).await.unwrap();

    // Ends after 300 ms.
    named("brief")
        .spawn(async { sleep(Duration::from_millis(300)).await })
        .unwrap();

    println!("ready");
    sleep(Duration::from_secs(3600)).await;
    drop(sender);
}
