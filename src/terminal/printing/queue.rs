//! One printer's queue at work: the oldest job goes out, one label at a time, as soon as the printer is ready.

use std::collections::BTreeMap;
use std::sync::Arc;

use hardware::command::{Answer, Command};
use tokio::sync::watch;
use tokio::time;

use crate::event::{Body, Handling, LabelPrinted, LabelWhy, System};
use crate::hex::HexBytes;
use crate::labels::{Language, tspl, zpl};
use crate::quantity::Moment;
use crate::terminal::printing::job::{Cause, Job, State};
use crate::terminal::printing::{AGAIN, Printer, Printing, Refusal, Tongue};
use crate::terminal::watching::ended;

/// The queue of one printer.
pub struct Queue {
    printing: Arc<Printing>,
    printer: Printer,
}

/// How the label of a job ended.
enum Outcome {
    Out,
    Waits(Cause),
    Failed(Cause),
    Unsure(Cause),
}

impl Queue {
    pub(super) fn new(printing: Arc<Printing>, printer: Printer) -> Queue {
        Queue { printing, printer }
    }

    /// Works until `stop` becomes true. A label that the printer has by then is answered by its port, which ends first.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.printing.changes();
        let mut health = self.printer.health.clone();
        loop {
            changes.borrow_and_update();
            let prints = health.borrow_and_update().prints();
            if prints {
                match self.one().await {
                    Ok(true) => {
                        if *stop.borrow() {
                            return;
                        }
                        continue;
                    }
                    Ok(false) => (),
                    Err(error) => {
                        tracing::error!(printer = %self.printer.name, "{error}");
                        tokio::select! { () = ended(&mut stop) => return, () = time::sleep(AGAIN) => continue }
                    }
                }
            }
            tokio::select! {
                () = ended(&mut stop) => return,
                changed = changes.changed() => if changed.is_err() { return },
                changed = health.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Prints one label of the oldest job that waits; `false` when none does.
    async fn one(&self) -> Result<bool, Refusal> {
        let printing = &self.printing;
        let name = self.printer.name.to_string();
        let Some(job) = printing.stored(move |store| store.next(&name)).await? else { return Ok(false) };
        let number = job.number;
        let label = match self.render(&job) {
            Ok(label) => label,
            Err(text) => {
                let cause = Cause::Label { text };
                printing.stored(move |store| store.set(number, &[State::Waiting], State::Failed, &cause)).await?;
                printing.changed();
                return Ok(true);
            }
        };
        let stand = printing.stand();
        if !printing.stored(move |store| store.begin(number, State::Waiting, stand)).await? {
            return Ok(true);
        }
        printing.changed();
        let mut stop = printing.stop.clone();
        let answer = tokio::select! {
            answer = self.printer.commands.ask(Command::Print { label }) => answer,
            // Its port has ended before, or hangs; the next start asks a person.
            () = async { ended(&mut stop).await; time::sleep(AGAIN).await } => return Ok(true),
        };
        let outcome = judge(&job, answer);
        let (state, cause) = match outcome {
            Outcome::Out => {
                write_down(printing, &job).await;
                printing.changed();
                return Ok(true);
            }
            Outcome::Waits(cause) => (State::Waiting, cause),
            Outcome::Failed(cause) => (State::Failed, cause),
            Outcome::Unsure(cause) => (State::Unsure, cause),
        };
        tracing::warn!(job = number, printer = %self.printer.name, "label {number} is {}: {cause:?}", state.word());
        let waits = state == State::Waiting;
        printing.stored(move |store| store.set(number, &[State::Sending], state, &cause)).await?;
        printing.changed();
        if waits {
            // The health of a printer that went away says so a moment later.
            time::sleep(AGAIN).await;
        }
        Ok(true)
    }

    fn render(&self, job: &Job) -> Result<Vec<u8>, String> {
        let order = &job.order;
        let language = Language::from_tag(&order.language).unwrap_or(self.printing.language);
        let values: &BTreeMap<String, String> = &order.values;
        let layout = self.printing.lay(&order.template, values, language, self.printer.dpi);
        let layout = layout.map_err(|error| error.to_string())?;
        let bytes = match self.printer.tongue {
            Tongue::Zpl => zpl::render(&layout, 1, order.epc.as_ref().map(|epc| epc.0.as_slice())),
            Tongue::Tspl => tspl::render(&layout, 1),
        };
        bytes.map_err(|error| error.to_string())
    }
}

fn judge(job: &Job, answer: Result<Answer, hardware::command::Unable>) -> Outcome {
    match (answer, &job.order.epc) {
        (Ok(Answer::Done), _) => Outcome::Out,
        (Ok(Answer::Memory { bytes }), Some(wrote)) if bytes == wrote.0 => Outcome::Out,
        (Ok(Answer::Memory { bytes }), wrote) => {
            Outcome::Failed(Cause::ReadBack { wrote: wrote.clone().unwrap_or_default(), read: HexBytes(bytes) })
        }
        (Ok(Answer::Refused { reason }), _) => Outcome::Failed(Cause::Printer { text: reason }),
        (Ok(Answer::NotBegun { reason }), _) => Outcome::Waits(Cause::Printer { text: reason }),
        (Ok(Answer::Unsure { reason }), _) => Outcome::Unsure(Cause::Printer { text: reason }),
        (Err(unable), _) => {
            Outcome::Failed(Cause::Printer { text: format!("this device prints nothing ({unable:?})") })
        }
    }
}

/// Writes the line of a label that is out, then counts it. Tries for as long as the book cannot take it: what came out is a
/// fact. `false` when the terminal ended before.
pub(super) async fn write_down(printing: &Printing, job: &Job) -> bool {
    let order = &job.order;
    let (number, code) = (job.number, order.code.clone());
    let mut stop = printing.stop.clone();
    loop {
        let code = code.clone();
        let copy = match printing.stored(move |store| store.copy(&code)).await {
            Ok(copy) => copy,
            Err(error) => {
                tracing::error!("{error}");
                tokio::select! { () = ended(&mut stop) => return false, () = time::sleep(AGAIN) => continue }
            }
        };
        let why = match (job.printed, copy) {
            (0, 1) => LabelWhy::First,
            (0, _) => LabelWhy::Reprint,
            _ => LabelWhy::Copy,
        };
        let printer = printing.printer(&order.printer);
        let handling = Handling {
            station: printer.map(|printer| printer.station.to_string()).unwrap_or_default(),
            read_point: printer.map_or_else(|| order.printer.clone(), |printer| printer.place.clone()),
            device: order.printer.clone(),
            person: order.person,
            document: None,
        };
        let label = LabelPrinted {
            code: order.code.clone(),
            template: order.template.clone(),
            copy,
            why,
            job: number.into(),
            epc: order.epc.clone(),
            handling,
        };
        let body = Body::System(System::LabelPrinted(label));
        if let Err(error) = printing.house.record(Moment::now(), body, Vec::new()).await {
            tracing::error!("the label of job {number} is out and not yet in the book: {error}");
            tokio::select! { () = ended(&mut stop) => return false, () = time::sleep(AGAIN) => continue }
        }
        break;
    }
    // A restart finds the line, should this fail.
    loop {
        match printing.stored(move |store| store.out(number)).await {
            Ok(()) => return true,
            Err(error) => {
                tracing::error!("{error}");
                tokio::select! { () = ended(&mut stop) => return false, () = time::sleep(AGAIN) => () }
            }
        }
    }
}
