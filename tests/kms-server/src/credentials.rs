//! The services that AWS clients get credentials from, each with an access key of its own.
//!
//! | service | where | access key |
//! |---|---|---|
//! | EC2's metadata, version 2 | `/latest/…` | `AKIDIMDS…` |
//! | ECS' and EKS' agent | `/ecs-credentials`, with `Authorization: ecs-token` | `AKIDECS…` |
//! | STS with a web identity | `/sts/` | `AKIDWEB…` |
//! | STS with a role | `/sts/` | `AKIDROLE…` |
//! | SSO | `/sso/federation/credentials` | `AKIDSSO…` |

use serde_json::json;

use crate::clock;
use crate::http::{Request, Response};

/// The one role of the pretended machine.
const ROLE: &str = "app-role";

/// The region that the pretended machine is in.
const REGION: &str = "eu-central-1";

/// What a client must have asked the metadata service for before anything else.
const IMDS_TOKEN: &str = "imds-token";

/// What is in `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
const ECS_TOKEN: &str = "ecs-token";

/// The answer to a request for credentials at this time.
pub(crate) fn answer(request: &Request, now: i64) -> Response {
    let segments = request.segments();
    match (request.method.as_str(), &segments[..]) {
        ("PUT", ["latest", "api", "token"]) => imds_token(request),
        ("GET", ["latest", rest @ ..]) => {
            if request.header("x-aws-ec2-metadata-token") == IMDS_TOKEN {
                imds(rest, now)
            } else {
                Response::text(401, "")
            }
        }
        ("GET", ["ecs-credentials"]) => ecs(request, now),
        ("POST", ["sts"]) => sts(request, now),
        ("GET", ["sso", "federation", "credentials"]) => sso(request, now),
        _ => Response::text(404, "no such source of credentials\n"),
    }
}

fn imds_token(request: &Request) -> Response {
    let lifetime = request.header("x-aws-ec2-metadata-token-ttl-seconds");
    if lifetime.parse::<u32>().is_err() {
        return Response::text(400, "");
    }
    Response::text(200, IMDS_TOKEN).with("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", lifetime)
}

fn imds(path: &[&str], now: i64) -> Response {
    match path {
        ["meta-data", "placement", "region"] => Response::text(200, REGION),
        ["meta-data", "iam", "security-credentials"] => Response::text(200, ROLE),
        ["meta-data", "iam", "security-credentials", ROLE] => Response::json(
            200,
            &json!({
                "Code": "Success",
                "LastUpdated": clock::iso(now),
                "Type": "AWS-HMAC",
                "AccessKeyId": access_key_id("IMDS"),
                "SecretAccessKey": SECRET,
                "Token": "imds-session-token",
                "Expiration": clock::iso(now + LIFETIME),
            }),
        ),
        _ => Response::text(404, ""),
    }
}

fn ecs(request: &Request, now: i64) -> Response {
    if request.header("authorization") != ECS_TOKEN {
        return Response::json(
            401,
            &json!({"code": "Unauthorized", "message": "the token is not ecs-token"}),
        );
    }
    Response::json(
        200,
        &json!({
            "RoleArn": role_arn(),
            "AccessKeyId": access_key_id("ECS"),
            "SecretAccessKey": SECRET,
            "Token": "ecs-session-token",
            "Expiration": clock::iso(now + LIFETIME),
        }),
    )
}

fn sso(request: &Request, now: i64) -> Response {
    if request.header("x-amz-sso_bearer_token").is_empty() {
        return Response::json(401, &json!({"message": "Session token not found or invalid"}))
            .with("x-amzn-ErrorType", "UnauthorizedException");
    }
    if !["role_name=", "account_id="].iter().all(|field| request.query.contains(field)) {
        return Response::json(400, &json!({"message": "role_name and account_id are required"}))
            .with("x-amzn-ErrorType", "InvalidRequestException");
    }
    Response::json(
        200,
        &json!({"roleCredentials": {
            "accessKeyId": access_key_id("SSO"),
            "secretAccessKey": SECRET,
            "sessionToken": "sso-session-token",
            "expiration": (now + LIFETIME) * 1000,
        }}),
    )
}

fn sts(request: &Request, now: i64) -> Response {
    let form = String::from_utf8_lossy(&request.body);
    let field = |name: &str| {
        let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    };
    match field("Action") {
        "AssumeRoleWithWebIdentity" if field("WebIdentityToken").is_empty() => {
            sts_error("InvalidIdentityToken", "The web identity token is missing")
        }
        "AssumeRoleWithWebIdentity" => sts_answer("AssumeRoleWithWebIdentity", "WEB", now),
        "AssumeRole" if request.header("authorization").is_empty() => {
            sts_error("MissingAuthenticationToken", "Request is missing Authentication Token")
        }
        "AssumeRole" => sts_answer("AssumeRole", "ROLE", now),
        _ => sts_error("InvalidAction", "Could not find operation"),
    }
}

fn sts_answer(action: &str, source: &str, now: i64) -> Response {
    let (key, expiration) = (access_key_id(source), clock::iso(now + LIFETIME));
    let token = format!("{}-session-token", source.to_ascii_lowercase());
    let role = role_arn();
    let body = format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:app</AssumedRoleId><Arn>{role}</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></{action}Response>"
    );
    Response::new(200, "text/xml", body)
}

fn sts_error(code: &str, message: &str) -> Response {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
    );
    Response::new(400, "text/xml", body)
}

/// How long credentials are good for, in seconds.
const LIFETIME: i64 = 6 * 3600;

/// The secret key of every access key here; it opens nothing.
const SECRET: &str = "test-secret-access-key";

/// Twenty characters, as AWS' own are.
fn access_key_id(source: &str) -> String {
    format!("{:A<20}", format!("AKID{source}EXAMPLE"))
}

fn role_arn() -> String {
    format!("arn:aws:iam::111122223333:role/{ROLE}")
}
