//! Where AWS clients get credentials.

use super::*;

const TOKEN: &str = "X-aws-ec2-metadata-token: imds-token";

#[test]
fn each_source_has_its_own_key_and_wants_its_own_token() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    let role = "GET /latest/meta-data/iam/security-credentials/app-role";
    let sso = "GET /sso/federation/credentials?role_name=app&account_id=1";
    for (line, header, status, part) in [
        ("PUT /latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 60", 200, "imds-token"),
        ("PUT /latest/api/token", "X-Other: 60", 400, ""),
        (role, "X-Other: y", 401, ""),
        (role, TOKEN, 200, "\"AccessKeyId\":\"AKIDIMDSEXAMPLEAAAAA\""),
        ("GET /latest/meta-data/iam/security-credentials/", TOKEN, 200, "app-role"),
        ("GET /latest/meta-data/placement/region", TOKEN, 200, "eu-central-1"),
        ("GET /latest/meta-data/other", TOKEN, 404, ""),
        ("GET /ecs-credentials", "Authorization: ecs-token", 200, "AKIDECSEXAMPLEAAAAAA"),
        ("GET /ecs-credentials", "Authorization: other", 401, "Unauthorized"),
        (sso, "x-amz-sso_bearer_token: t", 200, "\"accessKeyId\":\"AKIDSSOEXAMPLEAAAAAA\""),
        (sso, "X-Other: t", 401, ""),
        ("GET /sso/federation/credentials", "x-amz-sso_bearer_token: t", 400, ""),
    ] {
        let (code, _, body) = client.ask(&plain(line, &[header]));
        assert_eq!(code, status, "{line}, {header}");
        assert!(body.contains(part), "{line}: {body}");
    }
    assert_eq!(
        server.requests().credentials[..2],
        ["PUT /latest/api/token", "PUT /latest/api/token"]
    );
    assert_eq!(server.requests().total, 0);
}

#[test]
fn sts_takes_a_web_identity_or_a_signed_request() {
    let server = Server::start();
    let client = &mut Client::of(&server);
    for (form, header, status, part) in [
        (
            "Action=AssumeRoleWithWebIdentity&WebIdentityToken=t",
            "X-Other: y",
            200,
            "<AccessKeyId>AKIDWEBEXAMPLEAAAAAA<",
        ),
        ("Action=AssumeRoleWithWebIdentity", "X-Other: y", 400, "InvalidIdentityToken"),
        ("Action=AssumeRole", "Authorization: signed", 200, "<AccessKeyId>AKIDROLEEXAMPLEAAAAA<"),
        ("Action=AssumeRole", "X-Other: y", 400, "MissingAuthenticationToken"),
        ("Action=Other", "X-Other: y", 400, "InvalidAction"),
    ] {
        let length = format!("Content-Length: {}", form.len());
        let request = plain("POST /sts/", &[&length, header]) + form;
        let (code, head, body) = client.ask(&request);
        assert_eq!(code, status, "{form}");
        assert!(body.contains(part) && head.contains("text/xml"), "{form}: {body}");
    }
}
