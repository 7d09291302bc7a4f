//! The check of drafts in French and Spanish, which are files of the lexicon and nothing else.

use crate::{
    replies::{Evidence, WarningKind},
    text::Language,
};

fn evidence(language: &str, shop: &str) -> Evidence {
    let tag = |tag: &str| Language::parse(tag).unwrap();
    Evidence {
        shop: vec![shop.to_owned()],
        customer: Vec::new(),
        allowed_links: Vec::new(),
        customer_names: vec!["Camille Dupont".to_owned(), "Lucía García".to_owned()],
        shop_names: vec!["Selin".to_owned()],
        agent_name: String::new(),
        other_agents: Vec::new(),
        language: tag(language),
        languages: vec![tag("en"), tag("fr"), tag("es")],
        dates: Vec::new(),
        form_of_address: None,
    }
}

fn kinds(language: &str, shop: &str, draft: &str) -> Vec<WarningKind> {
    evidence(language, shop).check(draft).warnings.into_iter().map(|warning| warning.kind).collect()
}

#[test]
fn what_the_shop_says_is_grounded_in_french_and_spanish() {
    for (language, shop, draft) in [
        ("fr", "The shop opens at 14:30.", "Bonjour Mme Dupont, la boutique ouvre à 14 h 30."),
        ("fr", "We are open until 18:00.", "La boutique est ouverte jusqu'à 18h."),
        ("fr", "Returns: 99 days.", "Vous avez quatre-vingt-dix-neuf jours pour nous renvoyer les articles."),
        ("fr", "It was shipped on 1 March 2026.", "Votre commande est partie le 1er mars 2026."),
        ("fr", "Nous remboursons chaque achat.", "Nous vous rembourserons.\n\nCordialement,\nSelin"),
        ("fr", "La livraison arrive vendredi.", "Vous recevrez le colis vendredi."),
        ("es", "The courier comes at 3:30 pm.", "El mensajero pasa a las tres y media de la tarde."),
        ("es", "We are open until 15:00.", "La tienda está abierta hasta las 15h."),
        ("es", "You have 21 days.", "Tiene usted veintiún días, es decir veintiuno."),
        ("es", "It was shipped on 3 December 2026.", "Salió el 3 de diciembre de 2026."),
        ("es", "Reembolsamos todas las compras.", "Estimado Sr. García: Le reembolsaremos.\n\nUn saludo,\nSelin"),
    ] {
        assert_eq!(kinds(language, shop, draft), [], "{draft}");
    }
}

#[test]
fn what_nothing_says_is_marked_in_french_and_spanish() {
    use WarningKind::*;
    for (language, draft, kind) in [
        ("fr", "La boutique ouvre à 15 h 30.", UngroundedDate),
        ("fr", "La boutique ouvre à 19h.", UngroundedDate),
        ("fr", "La boutique ouvre à trois heures et demie.", UngroundedDate),
        ("fr", "Votre commande est partie le 2 avril 2026.", UngroundedDate),
        ("fr", "Vous avez vingt-sept jours.", UngroundedAmount),
        ("fr", "Vous avez quatre-vingt-dix-neuf jours.", UngroundedAmount),
        ("fr", "Nous vous rembourserons.", UngroundedPromise),
        ("fr", "Le colis sera chez vous vendredi.", UngroundedPromise),
        ("fr", "Bonjour Mme Martin, merci.", WrongName),
        ("fr", "Merci.\n\nCordialement,\nMurat", WrongName),
        ("es", "La tienda abre a las tres y media.", UngroundedDate),
        ("es", "La tienda abre a las 15h.", UngroundedDate),
        ("es", "Salió el 2 de abril de 2026.", UngroundedDate),
        ("es", "Tiene usted veintisiete días.", UngroundedAmount),
        ("es", "Le reembolsaremos.", UngroundedPromise),
        ("es", "Lo recibirá el viernes en su domicilio.", UngroundedPromise),
        ("es", "Estimado Sr. Pérez: gracias.", WrongName),
        ("es", "Gracias.\n\nUn saludo,\nMurat", WrongName),
    ] {
        let found = kinds(language, "We sell towels.", draft);
        assert!(found.contains(&kind), "{draft} {found:?}");
    }
}
