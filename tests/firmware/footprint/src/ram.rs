//! One static of the size of each public type; in WebAssembly, a function that returns the size.

use core::mem::size_of;

use exportitems::{Decoder, Encoder, Event, Outcome, PayloadCheck, Summary};
use exportitems_embedded_io::{Client, Server};
use exportitems_http1::{BodyDecoder, HeadDecoder, HeadEncoder};
use exportitems_ntlm::{Authenticate, Challenge};

/// The state of `tests/firmware/export`: decoder, buffer for sending and receiving, credentials, client.
type Protocol = (
    Decoder<[u8; 512]>,
    [u8; 1024],
    [u8; 64],
    Client<'static, ()>,
);

macro_rules! sizes {
    ($($name:ident: $type:ty;)*) => {
        $(
            #[no_mangle]
            #[cfg(not(target_family = "wasm"))]
            #[allow(non_upper_case_globals)]
            pub static $name: [u8; size_of::<$type>()] = [0; size_of::<$type>()];

            // A WebAssembly module does not contain the sizes of statics.
            #[no_mangle]
            #[cfg(target_family = "wasm")]
            pub extern "C" fn $name() -> usize {
                size_of::<$type>()
            }
        )*
    };
}
#[cfg(feature = "network")]
pub(crate) use sizes;

sizes! {
    ram_encoder: Encoder<'static>;
    ram_decoder_borrowed: Decoder<&'static mut [u8]>;
    ram_decoder_64: Decoder<[u8; 64]>;
    ram_decoder_256: Decoder<[u8; 256]>;
    ram_decoder_512: Decoder<[u8; 512]>;
    ram_event: Event<'static>;
    ram_outcome: Outcome;
    ram_summary: Summary;
    ram_payload_check: PayloadCheck;
    ram_http1_head_encoder: HeadEncoder<'static>;
    ram_http1_head_decoder: HeadDecoder<'static>;
    ram_http1_body_decoder: BodyDecoder;
    ram_ntlm_challenge: Challenge<'static>;
    ram_ntlm_authenticate: Authenticate<'static>;
    ram_client: Client<'static, ()>;
    ram_server: Server<'static>;
    ram_protocol: Protocol;
}
