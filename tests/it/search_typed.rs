//! Search as people type, kind by kind: joined or apart, half, with particles, in other forms and other languages; and nothing where there is
//! nothing.

use deskhand::api::pb;

use crate::support::desk::{Desk, Opening, eventually};

/// Articles as id, language, title and body.
async fn desk_with(articles: &[(&str, &str, &str, &str)]) -> Desk {
    let mut desk = Desk::empty().await;
    let article = |(id, language, title, body): &(&str, &str, &str, &str)| pb::Article {
        id: (*id).to_owned(),
        language: (*language).to_owned(),
        title: (*title).to_owned(),
        body: (*body).to_owned(),
        ..pb::Article::default()
    };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: articles.iter().map(article).collect() }).await.unwrap();
    desk
}

fn ids(reply: &pb::SearchResponse) -> Vec<&str> {
    reply.hits.iter().map(|hit| hit.id.as_str()).collect()
}

fn marked(segments: &[pb::Segment]) -> Vec<&str> {
    segments.iter().filter(|segment| segment.kind() == pb::SegmentKind::Matched).map(|segment| segment.text.as_str()).collect()
}

/// Asserts which article is first, and that it has a score.
async fn first(desk: &mut Desk, cases: &[(&str, &str, &str)]) {
    for (query, language, expected) in cases {
        let reply = desk.search(query, language).await;
        assert_eq!(ids(&reply).first(), Some(expected), "[{language}] {query}: {:?}", ids(&reply));
        assert!(reply.hits[0].score > 0.0, "[{language}] {query}");
    }
}

#[tokio::test]
async fn codes_numbers_and_joined_words_are_found_joined_or_apart() {
    let mut desk = desk_with(&[
        ("code", "en", "Sample parcel", "The label says ZP-771204, or ZP882310 on old ones."),
        ("phone", "tr", "Bize ulaşın", "Telefon: 0212 555 01 02. Mesai 9-18."),
        ("mobile", "tr", "Mobil hat", "Numaramız 05321112233."),
        ("device", "en", "Galaxy 24 cases", "Cases for Galaxy 24 and Pixel9pro."),
        ("weight", "en", "Heavy goods", "Over 40 kg a van comes; up to 3kg by letter."),
        ("price", "en", "Surcharge", "It is 1,299.50 in all."),
        ("checkin", "en", "Check-in desk", "Bring your passport."),
        ("gift", "en", "Vouchers", "A gift card can be sent by mail."),
        ("stamp", "tr", "E-imza ile onay", "Belgeyi imzalayın."),
        ("ship", "de", "Versandkosten", "Ab 50 Euro frei."),
    ])
    .await;
    first(
        &mut desk,
        &[
            ("ZP771204", "en", "code"),
            ("ZP 771204", "en", "code"),
            ("zp-882310", "en", "code"),
            ("882310", "en", "code"),
            ("02125550102", "tr", "phone"),
            ("0532 111 22 33", "tr", "mobile"),
            ("galaxy24", "en", "device"),
            ("pixel 9", "en", "device"),
            ("40kg", "en", "weight"),
            ("3 kg", "en", "weight"),
            ("1299", "en", "price"),
            ("1299.50", "en", "price"),
            ("checkin", "en", "checkin"),
            ("check in", "en", "checkin"),
            ("giftcard", "en", "gift"),
            ("eimza", "tr", "stamp"),
            ("e imza", "tr", "stamp"),
            ("versand kosten", "de", "ship"),
        ],
    )
    .await;
    assert_eq!(desk.search("ZP771205", "en").await.total, 0, "a code is right or wrong");
    assert_eq!(desk.search("code -771204", "en").await.hits.len(), 1, "a minus before a number is its sign");
    let reply = desk.search("02125550102", "tr").await;
    assert_eq!(marked(&reply.hits[0].snippet), ["0212", "555", "01", "02"]);
    desk.close().await;
}

#[tokio::test]
async fn glued_words_apostrophes_widths_and_signs_are_read_as_meant() {
    let mut desk = desk_with(&[
        ("hours", "en", "Hours", "Note:Bankholidays differ. The file return_slip is attached."),
        ("wont", "en", "Refusals", "The courier won’t wait."),
        ("fr", "fr", "L’échange d’un article", "Renvoyez-le."),
        ("brand", "tr", "D'Artagnan ürünleri", "Yeni sezon."),
        ("soft", "de", "Lieferung", "Ver\u{ad}sand\u{ad}art wählen."),
        ("ja", "ja", "クーポン", "使い方"),
        ("fa", "fa", "زمان", "تا ۴۵ روز"),
        ("sharp", "en", "Course in C#", "For beginners."),
        ("plus", "en", "Course in C++", "For beginners."),
        ("plain", "en", "Course in C", "For beginners."),
    ])
    .await;
    first(
        &mut desk,
        &[
            ("bankholidays", "en", "hours"),
            ("slip", "en", "hours"),
            ("wont", "en", "wont"),
            ("won't wait", "en", "wont"),
            ("echange", "fr", "fr"),
            ("dartagnan", "tr", "brand"),
            ("versandart", "de", "soft"),
            ("ｸｰﾎﾟﾝ", "ja", "ja"),
            ("45", "fa", "fa"),
            ("course c#", "en", "sharp"),
            ("course c++", "en", "plus"),
            ("course c", "en", "plain"),
        ],
    )
    .await;
    desk.close().await;
}

#[tokio::test]
async fn a_result_stays_while_its_words_are_typed() {
    let mut desk = desk_with(&[
        ("repair", "en", "Repairs", "We repair what breaks. Repaired goods come back within ten days."),
        ("cancel", "en", "Cancel a booking", "You can cancel until noon."),
        ("seats", "en", "Seats", "Choose a seat."),
        ("track", "tr", "Kargo takibi", "Kargonuzu takip edin. Takip numarası e-postadadır."),
        ("trade", "tr", "Ürün değişimi", "Ürünü değiştirin."),
        ("plan", "tr", "Taksit", "Üç taksit yapılır."),
        ("bill", "tr", "Faturalar", "Fatura e-postayla gelir."),
        ("swap", "hu", "Visszaküldés", "A visszaküldés ingyenes."),
        ("pay", "hu", "Fizetés", "Kártyával."),
    ])
    .await;
    for (typed, language, expected) in [
        ("repairi", "en", "repair"),
        ("cancellatio", "en", "cancel"),
        ("booking wan", "en", "cancel"),
        ("faturalandirm", "tr", "bill"),
        ("kargo tak", "tr", "track"),
        ("takip yapab", "tr", "track"),
        ("visszaküldhetem", "hu", "swap"),
        ("visszakuldhetnem", "hu", "swap"),
    ] {
        // From the fourth letter on, whatever is typed of it.
        for (at, _) in typed.char_indices().skip(4).chain([(typed.len(), ' ')]) {
            let reply = desk.search(&typed[..at], language).await;
            assert_eq!(ids(&reply).first(), Some(&expected), "[{language}] {:?}: {:?}", &typed[..at], ids(&reply));
        }
    }
    desk.close().await;
}

#[tokio::test]
async fn a_correction_is_a_written_word_of_the_documents_searched() {
    let mut desk = desk_with(&[
        ("ship", "en", "Shipping", "Shipping is free. Large goods cost more, as do parcels."),
        ("tr", "tr", "Kargo takibi", "Kargonuzu takip edin."),
        ("store", "hu", "Raktár", "Nézze meg raktárunkat."),
    ])
    .await;
    let corrected = |reply: pb::SearchResponse| reply.corrected_query;
    assert_eq!(corrected(desk.search("shiping cost", "en").await), "shipping cost");
    assert_eq!(corrected(desk.search("targo takip", "tr").await), "kargo takip");
    // The documents have only another form of it.
    assert_eq!(corrected(desk.search("parcl ", "en").await), "parcels ");
    let reply = desk.search("traktor", "hu").await;
    assert_eq!((reply.total, reply.corrected_query.as_str()), (0, ""));
    desk.close().await;
}

#[tokio::test]
async fn other_languages_are_asked_without_a_good_hit_and_regions_are_one() {
    let mut desk = desk_with(&[
        ("loyalty", "en", "Loyalty points", "How points are collected."),
        ("points-tr", "tr", "Kargo noktaları", "Teslim noktaları listesi."),
        ("pass", "de", "Passwort vergessen", "So setzen Sie es zurück."),
        ("austria", "de-AT", "Lieferung nach Wien", "Am selben Tag."),
        ("swap", "de", "Umtausch", "Für alle Länder."),
        ("swap", "de-AT", "Umtausch in Österreich", "Nur hier."),
    ])
    .await;
    first(
        &mut desk,
        &[
            ("loyalty points", "tr", "loyalty"),
            ("Passwort vergessen", "de-AT", "pass"),
            ("Lieferung Wien", "de", "austria"),
            ("Kargo noktaları", "en", "points-tr"),
        ],
    )
    .await;
    let reply = desk.search("umtausch", "de-AT").await;
    assert_eq!((ids(&reply), reply.hits[0].language.as_str()), (vec!["swap"], "de-AT"), "one article in one variety, the reader's own");
    desk.close().await;
}

#[tokio::test]
async fn nothing_is_found_where_there_is_nothing() {
    let mut desk = Desk::without_model().await;
    for (query, language) in [
        ("bitcoin", "en"),
        ("blockchain wallet", "en"),
        ("kripto", "tr"),
        ("dogecoin", "de"),
        ("helikopter", "hu"),
        ("zeppelin", "de"),
        ("how do i get a zeppelin", "en"),
    ] {
        let reply = desk.search(query, language).await;
        assert_eq!(reply.total, 0, "[{language}] {query}: {:?}", ids(&reply));
    }
    desk.close().await;
}

#[tokio::test]
async fn phrases_mean_the_same_as_a_whole_and_common_words_say_nothing() {
    let mut desk = desk_with(&[
        ("login", "en", "How to sign in", "Enter your e-mail. You are signed in for a day."),
        ("inside", "en", "What is in the box", "In the box is a cable. It comes in blue."),
        ("refund", "en", "Refunds", "Within ten days."),
        ("ist", "de", "Mein Konto", "Hier ist alles."),
        ("tr", "tr", "Bir ürünü iade etmek", "İade ücretsiz mi? Evet."),
        ("other", "tr", "Ürün bakımı", "Yıkama mi, ütü mü?"),
    ])
    .await;
    assert_eq!(ids(&desk.search("login", "en").await), ["login"]);
    assert_eq!(marked(&desk.search("login", "en").await.hits[0].title), ["sign", "in"]);
    assert_eq!(ids(&desk.search("money back", "en").await), ["refund"]);
    assert_eq!(ids(&desk.search("iade edebilecek miyim", "tr").await), ["tr"]);
    let reply = desk.search("bir ürün iade edilir mi", "tr").await;
    assert_eq!((ids(&reply)[0], marked(&reply.hits[0].title)), ("tr", vec!["ürünü", "iade"]));
    assert_eq!(marked(&desk.search("wo ist mein konto", "de").await.hits[0].title), ["Konto"]);
    desk.close().await;
}

#[tokio::test]
async fn an_exact_title_is_first() {
    let body = "Gift card, gift card: a gift card is a card. ".repeat(8);
    let mut desk = desk_with(&[
        ("exact", "en", "Gift card", "About it."),
        ("longer", "en", "Gift card balance of a gift card", &body),
        ("many", "en", "Everything else", &body),
        ("parcels", "tr", "Kargo", "Bilgi."),
        ("fees", "tr", "Kargo ücreti ve kargo süresi", "Kargo kargo kargo kargo ücreti, kargo firması."),
    ])
    .await;
    first(
        &mut desk,
        &[("gift card", "en", "exact"), ("Gift cards", "en", "exact"), ("giftcard", "en", "exact"), ("kargo", "tr", "parcels")],
    )
    .await;
    desk.close().await;
}

#[tokio::test]
async fn short_parts_of_compounds_and_korean_endings_are_found_and_marked() {
    let mut desk = desk_with(&[
        ("bike", "de", "Fahrradzubehör", "Für jedes Lastenrad."),
        ("sofa", "de", "Möbel", "Sofas und Stühle."),
        ("ko", "ko", "교환 안내", "교환은 30일 안에 가능합니다."),
        ("ko-pay", "ko", "결제 방법", "카드로 결제합니다."),
    ])
    .await;
    first(
        &mut desk,
        &[
            ("Rad ", "de", "bike"),
            ("Rad", "de", "bike"),
            ("Lastenradschloss", "de", "bike"),
            ("교환해주세요", "ko", "ko"),
            ("결제하려면", "ko", "ko-pay"),
        ],
    )
    .await;
    assert_eq!(marked(&desk.search("Rad", "de").await.hits[0].snippet), ["Lastenrad"]);
    assert_eq!(marked(&desk.search("교환해주세요", "ko").await.hits[0].title), ["교환"]);
    desk.close().await;
}

#[tokio::test]
async fn half_a_word_becomes_what_others_opened() {
    let mut desk = desk_with(&[
        ("delivery-times", "en", "Delivery times", "Parcels take three days."),
        ("delivery-costs", "en", "Delivery costs", "Parcels cost five euros."),
        ("delicate", "en", "Delicate fabrics", "Wash silk by hand."),
        ("returns", "en", "Returns", "Parcels can be sent back."),
    ])
    .await;
    let before = desk.search("deli", "en").await;
    assert!(ids(&before)[0].starts_with("delivery"), "{:?}", ids(&before));
    for number in 0..40 {
        let found = desk.search(&format!("silk {number}"), "en").await;
        let request = pb::RecordOpenRequest { search_id: found.search_id, id: "delicate".into() };
        desk.knowledge.record_open(request).await.unwrap();
    }
    // What was opened is counted from time to time, first when the server starts.
    let kept = desk.close_and_keep().await;
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    eventually("delicate fabrics come first", || {
        let mut knowledge = desk.knowledge.clone();
        async move {
            let request = pb::SearchRequest { query: "deli".into(), language: "en".into(), ..pb::SearchRequest::default() };
            ids(&knowledge.search(request).await.unwrap().into_inner()).first() == Some(&"delicate")
        }
    })
    .await;
    desk.close().await;
}
