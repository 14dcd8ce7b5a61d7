//! Who may come in: logins of people and tokens of programs.

use axum::Extension;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use crate::face::signs::Sign;
use crate::face::tones::{self, Tone};
use crate::face::values::MISSING;
use crate::face::words::Lang;
use crate::quantity::Moment;
use crate::server::Server;
use crate::server::access::logins::{self, Login, Token};
use crate::server::access::{AccessError, Role, Roles, Visitor, password};
use crate::server::pages::shell::{Ask, Room};
use crate::server::pages::telling;
use crate::server::problem::Problem;

pub async fn page(ask: Ask) -> Result<Response, Problem> {
    show(&ask, None, None).await
}

/// The form of a new login. Roles are the boxes that were ticked.
#[derive(Deserialize)]
pub struct NewLogin {
    name: String,
    password: String,
    #[serde(default)]
    person: String,
    #[serde(flatten)]
    roles: Ticked,
}

/// One box per role.
#[derive(Debug, Default, Deserialize)]
pub struct Ticked {
    administrator: Option<String>,
    approver: Option<String>,
    keeper: Option<String>,
    planner: Option<String>,
    auditor: Option<String>,
}

impl Ticked {
    fn list(&self) -> Vec<Role> {
        let ticked = |role| match role {
            Role::Administrator => &self.administrator,
            Role::Approver => &self.approver,
            Role::Keeper => &self.keeper,
            Role::Planner => &self.planner,
            Role::Auditor => &self.auditor,
        };
        Role::ALL.into_iter().filter(|&role| ticked(role).is_some()).collect()
    }
}

pub async fn add_login(
    State(server): State<Server>,
    ask: Ask,
    Form(sent): Form<NewLogin>,
) -> Result<Response, Problem> {
    let ask = ask.at("/access");
    let person = match sent.person.trim() {
        "" => None,
        text => {
            Some(text.parse::<u32>().map_err(|_| Problem::unreadable(format!("`{text}` is no number of a person")))?)
        }
    };
    let (name, roles, at) = (sent.name.trim().to_owned(), sent.roles.list(), Moment::now());
    let _place = server.password_checks.acquire().await;
    let made =
        server.database.write(move |tx| logins::create_login(tx, &name, &sent.password, &roles, person, at)).await;
    match made {
        Ok(()) => Ok(Redirect::to("/access").into_response()),
        Err(AccessError::Database(error)) => Err(error.into()),
        Err(why) => show(&ask, None, Some(wrong(ask.lang(), &why))).await,
    }
}

/// Locks a login out, or lets it in again.
#[derive(Debug, Deserialize)]
pub struct Switch {
    active: bool,
}

pub async fn switch_login(
    State(server): State<Server>,
    ask: Ask,
    Path(name): Path<String>,
    Form(sent): Form<Switch>,
) -> Result<Response, Problem> {
    let ask = ask.at("/access");
    let switched = server.database.write(move |tx| logins::set_active(tx, &name, sent.active)).await;
    match switched {
        Ok(()) => Ok(Redirect::to("/access").into_response()),
        Err(why @ AccessError::LastAdministrator(_)) => show(&ask, None, Some(wrong(ask.lang(), &why))).await,
        Err(why) => Err(why.into()),
    }
}

/// The form of a new token.
#[derive(Debug, Deserialize)]
pub struct NewToken {
    label: String,
    #[serde(flatten)]
    roles: Ticked,
}

/// Makes a token and shows it, this once.
pub async fn add_token(
    State(server): State<Server>,
    Extension(visitor): Extension<Visitor>,
    ask: Ask,
    Form(sent): Form<NewToken>,
) -> Result<Response, Problem> {
    let ask = ask.at("/access");
    let (label, roles, at) = (sent.label.trim().to_owned(), sent.roles.list(), Moment::now());
    let made = server.database.write(move |tx| logins::create_token(tx, &label, &roles, &visitor.name, at)).await;
    match made {
        Ok(token) => show(&ask, Some(token), None).await,
        Err(AccessError::Database(error)) => Err(error.into()),
        Err(why) => show(&ask, None, Some(wrong(ask.lang(), &why))).await,
    }
}

pub async fn revoke_token(State(server): State<Server>, Path(number): Path<i64>) -> Result<Response, Problem> {
    let at = Moment::now();
    let revoked = server.database.write(move |tx| Ok::<_, Problem>(logins::revoke_token(tx, number, at)?)).await?;
    match revoked {
        true => Ok(Redirect::to("/access").into_response()),
        false => Err(Problem::missing("token", &number.to_string())),
    }
}

/// The rule that was broken, in the person's language.
fn wrong(lang: Lang, why: &AccessError) -> String {
    match why {
        AccessError::NameTaken(name) => lang.tell("wrong-name-taken", &[("name", name.into())]),
        AccessError::Name => lang.say("wrong-name"),
        AccessError::NoRole => lang.say("wrong-no-role"),
        AccessError::Unfit(password::Unfit::SameAsName) => lang.say("wrong-password-name"),
        AccessError::Unfit(password::Unfit::Short | password::Unfit::Long) => {
            lang.tell("wrong-password-length", &[("n", (password::SHORTEST as u64).into())])
        }
        AccessError::LastAdministrator(name) => lang.tell("wrong-last-administrator", &[("name", name.into())]),
        AccessError::Unknown(_) | AccessError::Database(_) => why.to_string(),
    }
}

async fn show(ask: &Ask, token: Option<String>, wrong: Option<String>) -> Result<Response, Problem> {
    let (frame, (people, programs)) = ask.read(|tx, _| Ok((logins::logins(tx)?, logins::tokens(tx)?))).await?;
    let lang = ask.lang();
    let title = Room::Access.name(lang);
    let body = html! {
        div.head { h1 { (title) } }
        div.stack {
            @if let Some(wrong) = &wrong { div.note role="alert" data-tone="stop" { (Sign::Cross.small()) p { (wrong) } } }
            @if let Some(token) = &token {
                section.card {
                    header { h2 { (lang.say("token-made")) } (tones::chip(Tone::Warn, Sign::Triangle, &lang.say("token-once"))) }
                    p.raw { (token) }
                }
            }
            section.card data-flush { header { h2 { (lang.say("people")) } } (login_table(ask, &people)) }
            section.card data-flush {
                header { h2 { (lang.say("programs")) } }
                @if programs.is_empty() { (telling::empty(Sign::Lock, &lang.say("empty-tokens"))) } @else { (token_table(ask, &programs)) }
            }
            div.grid data-cols="2" { (login_form(lang)) (token_form(lang)) }
        }
    };
    let status = if wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let title = if wrong.is_some() { format!("{} · {title}", lang.say("error")) } else { title };
    let mut response = ask.page(Some(Room::Access), &title, &frame, &body);
    *response.status_mut() = status;
    Ok(response)
}

fn role_names(lang: Lang, roles: Roles) -> String {
    roles.list().map(|role| lang.word("role", role.word())).collect::<Vec<_>>().join(&lang.say("comma"))
}

fn login_table(ask: &Ask, people: &[Login]) -> Markup {
    let lang = ask.lang();
    html! {
        table.tbl {
            caption.hide { (lang.say("people")) }
            thead { tr {
                th scope="col" { (lang.say("login-name")) }
                th scope="col" { (lang.say("roles")) }
                th scope="col" { (lang.say("person-no")) }
                th scope="col" { (lang.say("since")) }
                th scope="col" { (lang.say("column-state")) }
            } }
            tbody {
                @for login in people {
                    tr {
                        td.lead { b { (login.name) } }
                        td data-label=(lang.say("roles")) { (role_names(lang, login.roles)) }
                        td data-label=(lang.say("person-no")) { @match login.person { Some(person) => a href=(format!("/people/{person}")) { (person) }, None => (MISSING) } }
                        td.when data-label=(lang.say("since")) { (ask.reader.time(login.since)) }
                        td data-label=(lang.say("column-state")) {
                            form.line method="post" action=(format!("/access/logins/{}", crate::server::request::encoded(&login.name))) {
                                input type="hidden" name="active" value=(!login.active);
                                @if login.active { (tones::chip(Tone::Ok, Sign::Tick, &lang.say("may-come-in"))) }
                                @else { (tones::chip(Tone::Mute, Sign::Lock, &lang.say("locked-out"))) }
                                button.btn type="submit" { (lang.say(if login.active { "lock-out" } else { "let-in" })) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn token_table(ask: &Ask, programs: &[Token]) -> Markup {
    let lang = ask.lang();
    html! {
        table.tbl {
            caption.hide { (lang.say("programs")) }
            thead { tr {
                th scope="col" { (lang.say("token-label")) }
                th scope="col" { (lang.say("roles")) }
                th scope="col" { (lang.say("made-by")) }
                th scope="col" { (lang.say("since")) }
                th scope="col" { (lang.say("column-state")) }
            } }
            tbody {
                @for token in programs {
                    tr {
                        td.lead { b { (token.label) } }
                        td data-label=(lang.say("roles")) { (role_names(lang, token.roles)) }
                        td data-label=(lang.say("made-by")) { (token.made_by) }
                        td.when data-label=(lang.say("since")) { (ask.reader.time(token.since)) }
                        td data-label=(lang.say("column-state")) {
                            @match token.revoked {
                                Some(at) => span.line { (tones::State::Revoked.chip(lang)) (ask.reader.time(at)) },
                                None => form.line method="post" action=(format!("/access/tokens/{}/revoke", token.number)) {
                                    (tones::chip(Tone::Ok, Sign::Tick, &lang.say("may-come-in")))
                                    button.btn type="submit" { (lang.say("revoke")) }
                                },
                            }
                        }
                    }
                }
            }
        }
    }
}

fn role_boxes(lang: Lang) -> Markup {
    html! {
        fieldset.field {
            legend { b { (lang.say("roles")) } }
            @for role in Role::ALL {
                label.box { input type="checkbox" name=(role.word()) value="yes"; (lang.word("role", role.word())) }
            }
        }
    }
}

fn login_form(lang: Lang) -> Markup {
    html! {
        section.card {
            header { h2 { (lang.say("add-login")) } }
            form.form method="post" action="/access/logins" {
                div.field { label for="new-name" { (lang.say("login-name")) } input #new-name name="name" maxlength="64" required autocomplete="off"; }
                div.field {
                    label for="new-password" { (lang.say("login-password")) }
                    span.hint { (lang.tell("password-hint", &[("n", (password::SHORTEST as u64).into())])) }
                    input #new-password name="password" type="password" maxlength="256" required autocomplete="new-password";
                }
                div.field {
                    label for="new-person" { (lang.say("person-no")) " " span.hint { (lang.say("optional")) } }
                    input #new-person name="person" inputmode="numeric" autocomplete="off";
                }
                (role_boxes(lang))
                div { button.btn data-kind="primary" type="submit" { (lang.say("add-login")) } }
            }
        }
    }
}

fn token_form(lang: Lang) -> Markup {
    html! {
        section.card {
            header { h2 { (lang.say("add-token")) } }
            form.form method="post" action="/access/tokens" {
                div.field {
                    label for="new-label" { (lang.say("token-label")) }
                    span.hint { (lang.say("token-hint")) }
                    input #new-label name="label" maxlength="64" required autocomplete="off";
                }
                (role_boxes(lang))
                div { button.btn type="submit" { (lang.say("add-token")) } }
            }
        }
    }
}
