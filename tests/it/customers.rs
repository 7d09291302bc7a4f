//! A chat that is reassigned to another customer: none of the former one's data reaches the new one, or a model.

use deskhand::api::pb::{self, event::Body};
use serde_json::Value;
use tonic::Code;

use crate::support::desk::{Desk, at, customer_says, event, eventually, refused, selin};

struct Person {
    id: &'static str,
    name: &'static str,
    first_name: &'static str,
    surname: &'static str,
    email: &'static str,
    phone: &'static str,
    address: &'static str,
    says: &'static str,
}

/// A former and a new customer in each language.
const PAIRS: [(&str, [Person; 2]); 4] = [
    (
        "en",
        [
            Person {
                id: "en-1",
                name: "Grace Hopper",
                first_name: "Grace",
                surname: "Hopper",
                email: "grace@mail.example",
                phone: "+44 20 7946 0958",
                address: "14 Rose Lane, Bath",
                says: "Hello, please send the towels to 14 Rose Lane, Bath.",
            },
            Person {
                id: "en-2",
                name: "Ada Byron",
                first_name: "Ada",
                surname: "Byron",
                email: "ada@mail.example",
                phone: "+44 20 7946 0123",
                address: "3 Mill Street, York",
                says: "Hello, when will my parcel arrive?",
            },
        ],
    ),
    (
        "tr",
        [
            Person {
                id: "tr-1",
                name: "Elif Kaya",
                first_name: "Elif",
                surname: "Kaya",
                email: "elif@mail.example",
                phone: "0532 123 45 67",
                address: "Bağdat Caddesi No 12, Kadıköy",
                says: "Merhaba, havluları Bağdat Caddesi No 12, Kadıköy adresine gönderin.",
            },
            Person {
                id: "tr-2",
                name: "Murat Demir",
                first_name: "Murat",
                surname: "Demir",
                email: "murat@mail.example",
                phone: "0544 765 43 21",
                address: "Çınar Sokak No 3, Bursa",
                says: "Merhaba, paketim ne zaman gelecek?",
            },
        ],
    ),
    (
        "hu",
        [
            Person {
                id: "hu-1",
                name: "Szabó Gergely",
                first_name: "Szabó",
                surname: "Szabó",
                email: "gergely@mail.example",
                phone: "+36 30 123 4567",
                address: "Rózsa utca 14, Pécs",
                says: "Jó napot, kérem a törölközőket ide küldjék: Rózsa utca 14, Pécs.",
            },
            Person {
                id: "hu-2",
                name: "Kocsis Anna",
                first_name: "Anna",
                surname: "Kocsis",
                email: "anna@mail.example",
                phone: "+36 30 765 4321",
                address: "Malom utca 3, Győr",
                says: "Jó napot, mikor érkezik meg a csomagom?",
            },
        ],
    ),
    (
        "de",
        [
            Person {
                id: "de-1",
                name: "Erika Weber",
                first_name: "Erika",
                surname: "Weber",
                email: "erika@mail.example",
                phone: "+49 30 1234567",
                address: "Gartenweg 14, Bremen",
                says: "Guten Tag, bitte senden Sie die Handtücher an Gartenweg 14, Bremen.",
            },
            Person {
                id: "de-2",
                name: "Uwe Klein",
                first_name: "Uwe",
                surname: "Klein",
                email: "uwe@mail.example",
                phone: "+49 30 7654321",
                address: "Mühlweg 3, Kiel",
                says: "Guten Tag, wann kommt mein Paket an?",
            },
        ],
    ),
];

/// What of a person must not be seen.
fn secrets(person: &Person) -> [&'static str; 5] {
    [person.surname, person.email, person.phone, person.address, person.id]
}

/// All that the shop reports of a person, and what they write.
fn reported(person: &Person, language: &str, from: i64) -> Vec<pb::Event> {
    let id = |kind: &str| format!("{kind}-{}", person.id);
    let customer = pb::Customer {
        customer_id: person.id.into(),
        name: person.name.into(),
        email: person.email.into(),
        phone: person.phone.into(),
        location: person.address.into(),
        language: language.into(),
        attributes: [("address".to_owned(), person.address.to_owned())].into(),
        ..pb::Customer::default()
    };
    let record = pb::Record {
        source: "order".into(),
        reference: format!("KE-{}", person.id),
        values: [("delivery address".to_owned(), person.address.to_owned()), ("recipient".to_owned(), person.name.to_owned())].into(),
        ..pb::Record::default()
    };
    let message = pb::Message {
        author: pb::Author::Customer.into(),
        author_name: person.name.into(),
        text: person.says.into(),
        ..pb::Message::default()
    };
    let form = pb::Form { answers: [("address".to_owned(), person.address.to_owned())].into() };
    let page = pb::PageView { url: format!("https://shop.example/account/{}", person.id), ..pb::PageView::default() };
    let bodies = [Body::Customer(customer), Body::Form(form), Body::Record(record), Body::PageView(page), Body::Message(message)];
    let kinds = ["customer", "form", "record", "page", "message"];
    (from..).zip(kinds.into_iter().zip(bodies)).map(|(minute, (kind, body))| at(minute, event(&id(kind), body))).collect()
}

fn agent_to(person: &Person, minute: i64) -> pb::Event {
    let message = pb::Message {
        author: pb::Author::Agent.into(),
        author_id: "agent-selin".into(),
        author_name: "Selin".into(),
        text: format!("{}: {} {}\nIt goes to {}.", person.name, person.email, person.phone, person.address),
        ..pb::Message::default()
    };
    at(minute, event(&format!("agent-{}", person.id), Body::Message(message)))
}

/// A model that writes every mark that it was shown.
fn every_mark(asked: &Value) -> String {
    let shown = asked["messages"][1]["content"].as_str().unwrap();
    let marks = shown.split('⟦').skip(1).filter_map(|rest| Some(format!("⟦{}⟧", rest.split_once('⟧')?.0)));
    let mut marks: Vec<String> = marks.filter(|mark| mark.bytes().any(|byte| byte.is_ascii_digit())).collect();
    marks.dedup();
    format!("Ok: {}.", marks.join("; "))
}

#[tokio::test]
async fn another_customer_is_greeted_by_their_own_name_and_sees_nothing_of_the_former() {
    let mut desk = Desk::open().await;
    desk.model.answers_with(every_mark);
    let greeting = |language: &str| pb::CannedAnswer {
        id: "greeting".into(),
        language: language.into(),
        title: "Greeting".into(),
        body: "{{customer.first_name}}? {{customer.email}} {{form.address}} {{record.order.recipient}}".into(),
        shortcut: "greeting".into(),
        ..pb::CannedAnswer::default()
    };
    let canned_answers = PAIRS.iter().map(|(language, _)| greeting(language)).collect();
    desk.knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers }).await.unwrap();
    for (language, [former, new]) in &PAIRS {
        for (chat_id, person) in [("of-former", former), ("of-new", new)] {
            desk.append(&format!("{chat_id}-{language}"), reported(person, language, -1000)).await.unwrap();
        }
        let chat_id = format!("given-{language}");
        let mut events = reported(former, language, 0);
        events.push(agent_to(former, 10));
        events.extend(reported(new, language, 20));
        desk.append(&chat_id, events).await.unwrap();

        let chat = desk.chat(&chat_id).await.unwrap().chat.unwrap();
        assert_eq!(chat.customer.as_ref().unwrap().name, new.name);
        assert_eq!(chat.earlier_chat_ids, [format!("of-new-{language}")]);
        let known = format!("{:?} {:?} {:?} {:?}", chat.customer, chat.form_answers, chat.records, chat.ticket);
        assert!(secrets(former).iter().all(|secret| !known.contains(secret)), "{known}");

        let request = pb::SuggestAnswersRequest {
            chat_id: chat_id.clone(),
            agent: selin(),
            query: "/greeting".into(),
            language: (*language).into(),
            ..pb::SuggestAnswersRequest::default()
        };
        let shown = desk.suggest(request).await;
        assert_eq!(shown[0].text, format!("{}? {} {} {}", new.first_name, new.email, new.address, new.name), "{language}");

        let seen = desk.model.asked().len();
        let draft = pb::DraftReplyRequest { chat_id: chat_id.clone(), agent: selin(), ..pb::DraftReplyRequest::default() };
        let drafted = desk.draft(draft).await.unwrap().finished;
        let summed_up = desk.summarize(&chat_id, "en").await.unwrap().finished;
        let retone = pb::RetoneReplyRequest {
            text: format!("{} {}, it is on its way.", new.first_name, former.name),
            tone: pb::Tone::Formal.into(),
            chat_id: chat_id.clone(),
            ..pb::RetoneReplyRequest::default()
        };
        desk.retone_with(tonic::Request::new(retone)).await.unwrap();
        // A draft in another language than the customer's is asked for a second time.
        assert!(desk.model.asked().len() >= seen + 3, "{language}");
        for asked in &desk.model.asked()[seen..] {
            let prompt = format!("{} {}", asked["messages"][0]["content"], asked["messages"][1]["content"]);
            for secret in secrets(former).iter().chain(&secrets(new)[..4]) {
                assert!(!prompt.contains(secret), "{secret} in {prompt}");
            }
        }
        for finished in [&drafted, &summed_up] {
            for secret in secrets(former) {
                assert!(!finished.text.contains(secret), "{language}: {secret} in {}", finished.text);
            }
            assert!(finished.text.contains(new.surname) && finished.text.contains(new.email), "{language}: {}", finished.text);
            let warned = finished.warnings.iter().find(|warning| warning.kind() == pb::WarningKind::UngroundedPersonalData);
            let warned = warned.unwrap_or_else(|| panic!("{language}: {:?}", finished.warnings));
            assert!(!warned.excerpt.is_empty() && finished.text.contains(&warned.excerpt), "{warned:?}");
        }
        assert_eq!(drafted.language, *language);
    }

    // Whoever of the two is erased, the chat goes.
    for (language, person) in [("en", PAIRS[0].1[0].id), ("de", PAIRS[3].1[1].id)] {
        desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: person.into() }).await.unwrap();
        refused(&desk.chat(&format!("given-{language}")).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_former_customers_messages_stay_in_the_chat_until_the_new_one_writes() {
    let mut desk = Desk::without_model().await;
    let customer =
        |event_id: &str, id: &str| event(event_id, Body::Customer(pb::Customer { customer_id: id.into(), ..pb::Customer::default() }));
    desk.append("relinked", vec![customer("c1", "device"), customer_says("m1", "How can I return an item?"), customer("c2", "account")])
        .await
        .unwrap();
    let chat = desk.chat("relinked").await.unwrap();
    assert_eq!((chat.events.len(), chat.chat.unwrap().message_count), (3, 1));
    let request = pb::SuggestAnswersRequest { chat_id: "relinked".into(), language: "en".into(), ..pb::SuggestAnswersRequest::default() };
    eventually("the question is answered", async || {
        desk.replies.clone().suggest_answers(request.clone()).await.is_ok_and(|found| !found.into_inner().suggestions.is_empty())
    })
    .await;
    desk.close().await;
}

/// A ticket of the former's does not come along.
#[tokio::test]
async fn a_former_customers_ticket_is_not_an_earlier_chat_of_the_new_one() {
    let mut desk = Desk::empty().await;
    let customer =
        |event_id: &str, id: &str| event(event_id, Body::Customer(pb::Customer { customer_id: id.into(), ..pb::Customer::default() }));
    let ticket = event("t", Body::Ticket(pb::Ticket { ticket_id: "T-1".into(), reply_to: "former@mail.example".into() }));
    desk.append("T-1", vec![customer("c", "former"), customer_says("m", "My address is 14 Rose Lane")]).await.unwrap();
    desk.append("chat", vec![customer("c", "former"), customer_says("m", "Hello"), ticket]).await.unwrap();
    assert_eq!(desk.chat("chat").await.unwrap().chat.unwrap().earlier_chat_ids, ["T-1"]);
    desk.append("chat", vec![customer("c2", "new")]).await.unwrap();
    let chat = desk.chat("chat").await.unwrap().chat.unwrap();
    assert_eq!(chat.earlier_chat_ids, Vec::<String>::new());
    let ticket = chat.ticket.as_ref().unwrap();
    assert_eq!((ticket.ticket_id.as_str(), format!("{chat:?}").contains("former")), ("T-1", false), "{chat:?}");
    desk.close().await;
}
