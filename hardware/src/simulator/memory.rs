//! What simulated tags remember: four banks each, so that what was written to a tag is read from it and the tag is heard
//! under its new EPC.

use crate::checksum;
use crate::dialogue::plan::pc;
use crate::simulator::script::Heard;

/// Tags that are remembered; the one that was met first is forgotten, and is as it was when it comes again.
const TAGS_MAX: usize = 1000;

/// Words of the user bank.
const USER_WORDS: usize = 32;

/// Words of the EPC bank: CRC, PC and the longest EPC.
const EPC_WORDS: usize = 33;

/// Why a tag would not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NoSuchMemory,
    Password,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Memories {
    tags: Vec<Memory>,
}

#[derive(Clone, Debug)]
struct Memory {
    /// The EPC under which it is on the stage.
    shown: Vec<u8>,
    reserved: Vec<u8>,
    epc: Vec<u8>,
    tid: Vec<u8>,
    user: Vec<u8>,
}

impl Memory {
    fn of(shown: &[u8]) -> Memory {
        let mut epc = [&[0, 0], pc(shown).to_be_bytes().as_slice(), shown].concat();
        epc.resize(2 * EPC_WORDS, 0);
        // A maker, a model, and a serial number that follows from the EPC.
        let serial = checksum::crc16_genibus(shown).to_be_bytes();
        let tid = [&[0xE2, 0x80, 0x11, 0x60, 0x20, 0x00], serial.as_slice(), &[0, 0, 0, 1]].concat();
        Memory { shown: shown.to_vec(), reserved: vec![0; 8], epc, tid, user: vec![0; 2 * USER_WORDS] }
    }

    /// The EPC that it answers with: as long as its PC says.
    fn name(&self) -> &[u8] {
        let words = self.epc.get(2).map_or(0, |pc| pc >> 3);
        self.epc.get(4..4 + 2 * usize::from(words)).unwrap_or_default()
    }

    fn bank(&mut self, bank: u8) -> Option<&mut Vec<u8>> {
        match bank {
            0 => Some(&mut self.reserved),
            1 => Some(&mut self.epc),
            2 => Some(&mut self.tid),
            3 => Some(&mut self.user),
            _ => None,
        }
    }

    fn password(&self) -> &[u8] {
        self.reserved.get(4..8).unwrap_or_default()
    }
}

impl Memories {
    /// A tag of the stage as it answers now.
    pub fn heard(&mut self, heard: Heard) -> Heard {
        match self.tags.iter().find(|memory| memory.shown == heard.epc) {
            Some(memory) => Heard { epc: memory.name().to_vec(), ..heard },
            None => heard,
        }
    }

    pub fn read(&mut self, tag: &Heard, bank: u8, word: usize, words: usize) -> Result<Vec<u8>, Refusal> {
        let memory = self.of(tag);
        let crc = checksum::tag_crc(pc(memory.name()), memory.name()).to_be_bytes();
        let bank = memory.bank(bank).ok_or(Refusal::NoSuchMemory)?;
        let part = bank.get(2 * word..2 * (word + words)).ok_or(Refusal::NoSuchMemory)?.to_vec();
        // The first word of the EPC bank is computed and not stored.
        if words != 0 && word == 0 && bank.len() == 2 * EPC_WORDS {
            return Ok([crc.as_slice(), part.get(2..).unwrap_or_default()].concat());
        }
        Ok(part)
    }

    pub fn write(&mut self, tag: &Heard, bank: u8, word: usize, data: &[u8], access: &[u8]) -> Result<(), Refusal> {
        let memory = self.of(tag);
        if memory.password().iter().any(|&byte| byte != 0) && memory.password() != access {
            return Err(Refusal::Password);
        }
        if bank == 2 {
            return Err(Refusal::NoSuchMemory);
        }
        let bank = memory.bank(bank).ok_or(Refusal::NoSuchMemory)?;
        let place = bank.get_mut(2 * word..2 * word + data.len()).ok_or(Refusal::NoSuchMemory)?;
        place.copy_from_slice(data);
        Ok(())
    }

    fn of(&mut self, tag: &Heard) -> &mut Memory {
        let place = match self.tags.iter().position(|memory| memory.name() == tag.epc) {
            Some(place) => place,
            None => {
                if self.tags.len() == TAGS_MAX {
                    self.tags.remove(0);
                }
                self.tags.push(Memory::of(&tag.epc));
                self.tags.len() - 1
            }
        };
        &mut self.tags[place]
    }
}
