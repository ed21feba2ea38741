//! t
use crate::common::*;
#[tokio::test]
async fn timing() {
    let t = tokio::time::Instant::now();
    for _ in 0..10 {
        let a = tokio::time::Instant::now();
        let schema = Schema::new();
        let store = schema.open().await;
        let b = tokio::time::Instant::now();
        store.close().await;
        drop(store);
        let c = tokio::time::Instant::now();
        drop(schema);
        println!("open {:?} close {:?} drop {:?}", b - a, c - b, c.elapsed());
    }
    println!("{:?}", t.elapsed());
    let schema = Schema::new();
    let store = schema.open().await;
    for _ in 0..10 {
        let batch = messages(1);
        let a = tokio::time::Instant::now();
        insert(&store, &batch).await.expect("x");
        let b = tokio::time::Instant::now();
        begin(&store, &ids(&batch), "w").await;
        let c = tokio::time::Instant::now();
        sms_core::Store::settle(&store, &[accepted(batch[0].id)]).await.expect("x");
        let d = tokio::time::Instant::now();
        sms_core::Store::get(&store, batch[0].id, &sms_core::Scope::All).await.expect("x");
        let e = tokio::time::Instant::now();
        sms_core::Store::timeline(&store, batch[0].id).await.expect("x");
        let f = tokio::time::Instant::now();
        sms_core::Store::apply_receipts(&store, &[sms_core::Receipt::new("p", format!("p-{}", batch[0].id), sms_core::ReceiptState::Delivered)]).await.expect("x");
        println!("insert {:?} begin {:?} settle {:?} get {:?} timeline {:?} receipt {:?}", b - a, c - b, d-c, e-d, f-e, f.elapsed());
    }
}
