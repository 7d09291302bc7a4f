//! The OpenAPI document.

use deskhand::keys::Scope;

use super::{client, methods, path_of, read};
use crate::{keys::key_for, support::desk::Desk};

#[tokio::test]
async fn the_openapi_document_has_every_rpc_as_it_is_called() {
    let desk = Desk::without_model().await;
    desk.make_key(key_for("default", &[Scope::Agent])).await;
    let response = client().get(format!("http://{}/openapi.json", desk.address())).send().await.unwrap();
    let (status, document) = read(response).await;
    assert_eq!((status, document["openapi"].as_str().unwrap()), (200, "3.1.0"));
    let mut paths: Vec<String> = methods().iter().map(|method| format!("/{}", path_of(method))).collect();
    paths.extend(["/grpc.health.v1.Health/Check".to_owned(), "/grpc.health.v1.Health/Watch".to_owned()]);
    paths.sort();
    let mut told: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    told.sort();
    assert_eq!(told, paths.iter().collect::<Vec<_>>());
    for method in methods() {
        let operations = &document["paths"][format!("/{}", path_of(&method))];
        let post = &operations["post"];
        assert!(post["description"].as_str().unwrap().len() > 20 && post["summary"].as_str().unwrap().ends_with('.'), "{}", method.name());
        let content_type = if method.is_server_streaming() { "application/connect+json" } else { "application/json" };
        let request = post["requestBody"]["content"][content_type]["schema"]["$ref"].as_str().unwrap();
        assert_eq!(request, format!("#/components/schemas/{}", method.input().full_name()));
        assert!(post["responses"]["200"]["content"][content_type]["schema"].is_object());
        assert_eq!(post["responses"]["default"]["$ref"], "#/components/responses/error");
        // What the document says about GET is what the server does.
        let url = format!("http://{}/{}?encoding=json&message=%7B%7D", desk.address(), path_of(&method));
        let with_get = client().get(url).send().await.unwrap().status() != 405;
        assert_eq!(operations["get"].is_object(), with_get, "{}", method.name());
    }
    for method in methods() {
        for message in [method.input(), method.output()] {
            let properties = &document["components"]["schemas"][message.full_name()]["properties"];
            for field in message.fields() {
                assert!(properties[field.json_name()]["description"].is_string(), "{} of {}", field.name(), message.full_name());
            }
        }
    }
    desk.close().await;
}
