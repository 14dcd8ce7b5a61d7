//! What a device promises to say and to be told.

mod llrp;
