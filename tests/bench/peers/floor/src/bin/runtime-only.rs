//! Takes events from the Runtime API and does nothing with them: the least that a function can be.

#[tokio::main(flavor = "current_thread")]
async fn main() {
    floor::serve(|_| async { b"{}".to_vec() }).await;
}
