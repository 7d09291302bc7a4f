//! What mail programs make of an e-mail, in six languages. The texts are invented.

use proptest::prelude::*;

use super::*;
use crate::chats::event::{Attachment, Author};

const PROMISE: &str = "We will refund you 49.90 EUR by Friday.";

fn message(text: &str) -> Message {
    Message {
        author: Author::Customer,
        author_id: String::new(),
        author_name: String::new(),
        text: text.to_owned(),
        language: None,
        attachments: Vec::new(),
        quoted_text: String::new(),
    }
}

fn apart_on(text: &str, channel: Channel) -> (Message, Aside) {
    let mut message = message(text);
    let aside = tell_apart(&mut message, channel);
    (message, aside)
}

fn apart(text: &str) -> (Message, Aside) {
    apart_on(text, Channel::Email)
}

/// Headers as programs write them, and whether one alone is beyond doubt.
const HEADERS: &[(&str, bool)] = &[
    // Gmail.
    ("On Wed, 18 Nov 2026 at 10:12, Keten Ev <help@keten.example> wrote:", true),
    ("On Wed, Nov 18, 2026 at 10:12 AM Keten Ev Customer Service\n<customer-service@keten.example> wrote:", true),
    ("On Wed, Nov 18, 2026 at 10:12 AM Keten Ev Customer Service Department\n<customer-service@keten.example>\nwrote:", true),
    ("Am Mi., 18. Nov. 2026 um 10:12 Uhr schrieb Keten Ev <help@keten.example>:", true),
    ("Am Mi., 18. Nov. 2026 um 10:12 Uhr schrieb Keten Ev Kundendienst\n<help@keten.example>:", true),
    ("Keten Ev <help@keten.example> schrieb am Mi., 18. Nov. 2026, 10:12:", true),
    ("18 Kas 2026 Çar 10:12 tarihinde Keten Ev <help@keten.example> şunu yazdı:", true),
    ("Keten Ev <help@keten.example>, 18 Kas 2026 Çar, 10:12 tarihinde şunu yazdı:", true),
    ("Keten Ev Müşteri Hizmetleri <help@keten.example>, 18 Kas 2026 Çar, 10:12\ntarihinde şunu yazdı:", true),
    ("Keten Ev <help@keten.example> ezt írta (időpont: 2026. nov. 18., Sze, 10:12):", true),
    ("Keten Ev <help@keten.example> ezt írta (időpont: 2026. nov. 18.,\nSze, 10:12):", true),
    ("Le mer. 18 nov. 2026 à 10:12, Keten Ev <help@keten.example> a écrit :", true),
    ("Le mer. 18 nov. 2026 à 10:12, Keten Ev <help@keten.example> a\nécrit\u{a0}:", true),
    ("El mié, 18 nov 2026 a las 10:12, Keten Ev (<help@keten.example>) escribió:", true),
    // Apple Mail, Thunderbird, others.
    ("On 18 Nov 2026, at 10:12, Keten Ev <help@keten.example> wrote:", true),
    ("On 11/18/26 10:12, Keten Ev wrote:", true),
    ("Am 18.11.2026 um 10:12 schrieb Keten Ev:", true),
    ("18 Kas 2026 10:12 tarihinde, Keten Ev <help@keten.example> şunları yazdı:", true),
    ("2026. nov. 18. dátummal, 10:12 időpontban Keten Ev <help@keten.example> írta:", true),
    ("2026. 11. 18. 10:12 keltezéssel, Keten Ev írta:", true),
    ("Le 18 nov. 2026 à 10h12, Keten Ev a écrit :", true),
    ("El 18/11/26 a las 10:12, Keten Ev escribió:", true),
    ("Keten Ev wrote:", false),
    ("Keten Ev schrieb:", false),
    // Outlook.
    (
        "From: Keten Ev <help@keten.example>\nSent: Wednesday, November 18, 2026 10:12 AM\nTo: Ada Byron <ada@mail.example>\nSubject: Your order",
        true,
    ),
    ("________________________________\nFrom: Keten Ev\nSent: 18 November 2026 10:12\nTo: Ada Byron\nSubject: Your order", true),
    ("*Von:* Keten Ev\n*Gesendet:* Mittwoch, 18. November 2026 10:12\n*An:* Erika Muster\n*Betreff:* Ihre Bestellung", true),
    (
        "Gesendet: Mittwoch, 18. November 2026 um 10:12 Uhr\nVon: \"Keten Ev\" <help@keten.example>\nAn: erika@mail.example\nBetreff: Bestellung",
        true,
    ),
    ("Kimden: Keten Ev <help@keten.example>\nGönderildi: 18 Kasım 2026 Çarşamba 10:12\nKime: Elif Kaya\nKonu: Siparişiniz", true),
    ("Feladó: Keten Ev\nElküldve: 2026. november 18., szerda 10:12\nCímzett: Szabó Gergely\nTárgy: Rendelés", true),
    ("De : Keten Ev\nEnvoyé : mercredi 18 novembre 2026 10:12\nÀ : Zoé Blanc\nObjet : Votre commande", true),
    ("De: Keten Ev\nEnviado: miércoles, 18 de noviembre de 2026 10:12\nPara: Luz Rey\nAsunto: Su pedido", true),
    ("-----Original Message-----\nFrom: Keten Ev\nSent: 18 November 2026 10:12\nTo: Ada\nSubject: Order", true),
    ("-----Ursprüngliche Nachricht-----", true),
    ("-------- Original-Nachricht --------\nBetreff: Bestellung\nDatum: Wed, 18 Nov 2026 10:12\nVon: Keten Ev\nAn: Erika", true),
    ("-----Özgün İleti-----", true),
    ("-----Eredeti üzenet-----", true),
    ("-----Message d'origine-----", true),
    ("-----Mensaje original-----", true),
    ("‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Wednesday, November 18th, 2026 at 10:12 AM, Keten Ev <help@keten.example> wrote:", true),
    // Passed on.
    (
        "---------- Forwarded message ---------\nFrom: Keten Ev <help@keten.example>\nDate: Wed, 18 Nov 2026\nSubject: Order\nTo: Ada <ada@mail.example>",
        true,
    ),
    ("---------- Weitergeleitete Nachricht ---------", true),
    ("---------- İletilen mesaj ---------", true),
    ("---------- Továbbított üzenet ---------", true),
    ("---------- Message transféré ---------", true),
    ("---------- Mensaje reenviado ---------", true),
    ("Begin forwarded message:", true),
];

#[test]
fn what_stands_under_a_header_is_quoted() {
    for (header, is_certain) in HEADERS {
        for mark in ["> ", ""] {
            if mark.is_empty() && !is_certain {
                continue;
            }
            for gap in ["\n", "\n\n"] {
                let quoted = format!("{header}{gap}{mark}{PROMISE}\n{mark}Selin");
                let (told, _) = apart(&format!("Where is my invoice?\nI need it soon.\n\n{quoted}\n"));
                assert_eq!(told.text, "Where is my invoice?\nI need it soon.", "{header} {mark}");
                assert!(told.quoted_text.ends_with(&format!("{mark}{PROMISE}\n{mark}Selin")), "{header}: {}", told.quoted_text);
                let first = header.split('\n').next().unwrap();
                assert!(told.quoted_text.starts_with(first), "{header}: {}", told.quoted_text);
            }
        }
    }
}

#[test]
fn an_answer_under_or_between_the_quoted_lines_is_new() {
    for (header, _) in HEADERS {
        let (under, _) = apart(&format!("{header}\n\n> {PROMISE}\n>\n> Selin\n\nThank you. Which account will it go to?\n"));
        assert_eq!(under.text, "Thank you. Which account will it go to?", "{header}");
        let (between, _) = apart(&format!("{header}\n> Which colour do you want?\nThe green one.\n\n> And which size?\n\nL please."));
        assert_eq!(between.text, "The green one.\n\nL please.", "{header}");
        assert!(between.quoted_text.contains("> And which size?"), "{header}");
    }
    let (unnamed, _) = apart("> Which colour?\nThe green one.");
    assert_eq!((unnamed.text.as_str(), unnamed.quoted_text.as_str()), ("The green one.", "> Which colour?"));
}

#[test]
fn the_authors_own_lines_are_no_headers() {
    for text in [
        "Hello,\nOn Monday your colleague wrote:\nwe will look into it.\nNothing came.",
        "Guten Tag,\nam Montag schrieb ich Ihnen:\nkeine Antwort.",
        "I ordered two things:\n- a towel\n- a robe\nWhen do they come?",
        "From: Berlin\nTo: Munich\nDate: 3 May\nHow much is the delivery?",
        "The original message was lost.\nPlease send it again.",
        "Subject: invoice\nPlease send it to me.",
        "It is 5 > 3\nor is it not?",
    ] {
        let (told, aside) = apart(text);
        assert_eq!((told.text.as_str(), told.quoted_text.as_str(), aside), (text, "", Aside::default()));
    }
}

#[test]
fn other_channels_need_a_header_beyond_doubt() {
    for channel in [Channel::WebChat, Channel::Whatsapp, Channel::ContactForm, Channel::Other, Channel::Unknown] {
        for text in ["> quoted\nWhat is this?", "Keten Ev wrote:\n> quoted\nWhat is this?", "Where is it?\n-- \nAda", "Danke\nErika Muster"]
        {
            assert_eq!(apart_on(text, channel).0.text, text, "{channel:?}");
        }
        for (header, _) in HEADERS.iter().filter(|(_, is_certain)| *is_certain) {
            let (told, aside) = apart_on(&format!("What is this?\n\nBest regards\nAda Byron\n\n{header}\n> {PROMISE}"), channel);
            assert_eq!(told.text, "What is this?\n\nBest regards", "{header}");
            assert_eq!(aside.signature, "Ada Byron");
            assert!(told.quoted_text.contains(PROMISE));
        }
    }
}

#[test]
fn what_stands_under_a_closing_is_a_signature() {
    for (text, signature) in [
        ("Wo ist die Rechnung?\n\nMit freundlichen Grüßen", "Max Muster\nMuster GmbH\nTel. 030 1234567\nwww.muster.example"),
        ("Wo ist die Rechnung?\nLG", "Max"),
        (
            "Wo ist die Rechnung?\n\nViele Grüße aus Köln,",
            "Dr. Eva von Berg\n\nBerg & Tal OHG\nHauptstraße 12\n50667 Köln\n+49 221 1234567",
        ),
        ("Faturam nerede?\n\nSaygılarımla,", "Elif Kaya\n0532 123 45 67"),
        ("Faturam nerede?\n\nİyi günler", "Elif"),
        ("Hol a számlám?\n\nÜdvözlettel:", "Szabó Gergely\nTel.: +36 30 123 4567"),
        ("Where is my invoice?\n\nKind regards,", "Ada Byron\nHead of Purchasing\nByron Ltd | ada@byron.example"),
        ("Where is my invoice?\n\nThanks!", "- ada"),
        ("Où est ma facture ?\n\nCordialement,", "Zoé Blanc\n12 rue de la Paix\n06 12 34 56 78"),
        ("¿Dónde está mi factura?\n\nUn saludo,", "Luz Rey\nTel: 600 123 456"),
        ("Where is my invoice?", "--\nAda Byron\nany line, also one that looks like a sentence."),
        ("Where is my invoice?", "-- \nAda Byron"),
        ("Where is my invoice?", "Sent from my iPhone"),
        ("Where is my invoice?", "Sent from Yahoo Mail for iPhone"),
        ("Where is my invoice?", "Get Outlook for Android"),
        ("Wo ist die Rechnung?", "Von meinem iPhone gesendet"),
        ("Wo ist die Rechnung?", "Gesendet von Outlook für iOS"),
        ("Faturam nerede?", "iPhone'umdan gönderildi"),
        ("Faturam nerede?", "Samsung cep telefonumdan gönderildi"),
        ("Hol a számlám?", "iPhone-omról küldve"),
        ("Hol a számlám?", "Elküldve az iPhone-omról"),
        ("Où est ma facture ?", "Envoyé de mon iPhone"),
        ("¿Dónde está mi factura?", "Enviado desde mi iPhone"),
    ] {
        for quoted in ["", "\n\nOn 18 Nov 2026, at 10:12, Keten Ev <help@keten.example> wrote:\n\n> Hello"] {
            let (told, aside) = apart(&format!("{text}\n\n{signature}{quoted}"));
            assert_eq!(told.text, text, "{signature}");
            assert_eq!(aside.signature.replace(' ', ""), signature.replace(' ', ""));
            assert_eq!(told.quoted_text.is_empty(), quoted.is_empty());
        }
    }
}

#[test]
fn what_the_author_wants_read_is_no_signature() {
    for (text, new) in [
        ("Where is it?\n\nThanks\nAda Byron\nOrder KE-204815", "Where is it?\n\nThanks\nOrder KE-204815"),
        ("Wo ist es?\n\nGruß\nEva Berg\nBestellnummer 204815", "Wo ist es?\n\nGruß\nBestellnummer 204815"),
        (
            "Where is it?\n\nBest regards\nAda\n\nPS: the towel was torn as well.",
            "Where is it?\n\nBest regards\n\nPS: the towel was torn as well.",
        ),
        ("Thanks\nPlease tell me when it comes, I waited 3 weeks.\nAda", "Thanks\nPlease tell me when it comes, I waited 3 weeks.\nAda"),
        ("Teşekkürler\nSiparişim nerede", "Teşekkürler\nSiparişim nerede"),
        ("Siparişim İstanbul'dan gönderildi mi?\nBekliyorum.", "Siparişim İstanbul'dan gönderildi mi?\nBekliyorum."),
        (
            "Thank you for the towels, they are lovely.\nWhen do the robes come?",
            "Thank you for the towels, they are lovely.\nWhen do the robes come?",
        ),
        ("Where is it?\n\nRegards\nAda\n\nI waited for 3 weeks now", "Where is it?\n\nRegards\n\nI waited for 3 weeks now"),
    ] {
        assert_eq!(apart(text).0.text, new);
    }
}

#[test]
fn legal_notices_are_told_by_their_words() {
    for notice in [
        "This e-mail and any attachments are confidential and intended solely for the\naddressee. If you have received this in error, please notify the sender.",
        "CONFIDENTIALITY NOTICE: This email may contain confidential or privileged information. Any disclosure is strictly prohibited.",
        "Please consider the environment before printing this e-mail.",
        "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat sind, informieren Sie bitte sofort den\nAbsender und vernichten Sie diese E-Mail.",
        "Bu e-posta ve ekleri gizli bilgiler içerebilir. Mesajın alıcısı değilseniz lütfen gönderene bildiriniz ve mesajı siliniz.",
        "Ez az e-mail és csatolmányai bizalmas információt tartalmaznak, kizárólag a címzett számára. Ha tévedésből kapta, törölje.",
        "Ce message et ses pièces jointes sont confidentiels et établis à l'intention exclusive de leur destinataire. Si vous l'avez reçu par erreur, merci de le détruire.",
        "Este mensaje y sus anexos son confidenciales y van dirigidos exclusivamente a su destinatario. Si lo ha recibido por error, elimínelo.",
        "This e-mail is confidential.",
    ] {
        let (told, aside) = apart(&format!("Where is my invoice?\n\nKind regards\nAda Byron\nTel. +44 20 1234567\n{notice}"));
        assert_eq!(
            (told.text.as_str(), aside.signature.as_str()),
            ("Where is my invoice?\n\nKind regards", "Ada Byron\nTel. +44 20 1234567"),
            "{notice}"
        );
        assert_eq!(aside.disclaimer, notice);
    }
    let asks = "I received this parcel by mistake. Shall I delete the order?\n\nIs my data confidential?";
    assert_eq!(apart(asks).0.text, asks);
}

#[test]
fn a_text_without_anything_new_stays() {
    for (header, is_certain) in HEADERS {
        let text = format!("{header}\n\n{}{PROMISE}", if *is_certain { "" } else { "> " });
        let (told, aside) = apart(&text);
        assert_eq!((told.text, told.quoted_text, aside), (text, String::new(), Aside::default()));
    }
    assert_eq!(apart("-- \nAda Byron").0.text, "-- \nAda Byron");
}

#[test]
fn a_file_alone_is_new_but_for_what_is_passed_on() {
    let with_file = |text: &str| {
        let attachment = Attachment { name: "photo.jpg".into(), media_type: String::new(), url: String::new(), text: String::new() };
        let mut message = Message { attachments: vec![attachment], ..message(text) };
        tell_apart(&mut message, Channel::Email);
        (message.text, message.quoted_text)
    };
    let quoted = format!("Am 18.11.2026 um 10:12 schrieb Keten Ev:\n> {PROMISE}");
    assert_eq!(with_file(&quoted), (String::new(), quoted));
    let forwarded = format!("---------- Forwarded message ---------\nFrom: Keten Ev\n\n{PROMISE}");
    assert_eq!(with_file(&forwarded), (forwarded, String::new()));
}

#[test]
fn a_console_that_tells_quotations_apart_is_believed() {
    let text = "> is more than\nthat is what I mean\n\nThanks\nAda Byron";
    for channel in [Channel::Email, Channel::WebChat] {
        let mut told = Message { quoted_text: "quoted".into(), ..message(text) };
        let aside = tell_apart(&mut told, channel);
        assert_eq!(told.text, "> is more than\nthat is what I mean\n\nThanks");
        assert_eq!((told.quoted_text.as_str(), aside.signature.as_str()), ("quoted", "Ada Byron"));
    }
}

proptest! {
    #[test]
    fn no_line_is_lost(pieces in proptest::collection::vec(0usize..14, 0..40)) {
        const LINES: [&str; 14] = [
            "", "> a", "On 1 May 2026 at 10:12, A <a@b.example> wrote:", "hello there", "--", "Thanks", "Ada Byron", "From: a@b.example",
            "Sent: today", "Subject: x", "This e-mail is confidential, delete it", "-----Original Message-----", "wrote:", "Sent from my iPhone",
        ];
        let text = pieces.iter().map(|piece| LINES[*piece]).collect::<Vec<&str>>().join("\n");
        let (told, aside) = apart(&text);
        let all = [told.text, told.quoted_text, aside.signature, aside.disclaimer].join("\n");
        let sorted = |text: &str| {
            let mut lines: Vec<String> = text.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(sorted(&all), sorted(&text));
    }
}

#[test]
fn hostile_texts_take_linear_time() {
    for piece in [
        "An:\n",
        "x:\n",
        "> \n",
        "wrote:\n",
        "a wrote:\n",
        "Danke\nMax\n",
        "Danke\n\n",
        "-----\n",
        "Von: a@b\n\n",
        "On 10:12 ",
        "a@b:",
        "confidential ",
    ] {
        let text = piece.repeat(32_000 / piece.len());
        let started = std::time::Instant::now();
        for channel in [Channel::Email, Channel::WebChat] {
            apart_on(&text, channel);
        }
        assert!(started.elapsed().as_secs() < 2, "{piece:?}: {:?}", started.elapsed());
    }
}
