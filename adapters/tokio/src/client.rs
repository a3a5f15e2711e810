//! The client.

use core::fmt;

use exportitems::{ItemId, Options, RequestHeaders, UploadItem};
use exportitems_std::client::{
    Answer, AsyncSink, BuildError, ClientBuilder, ClientError, Connector, Credentials, Session,
    UploadSource,
};

use crate::connector::TcpConnector;

/// A client for one server, with one connection at a time.
///
/// It keeps its connection for the next request, because NTLM authenticates a connection. For more connections, use more
/// clients: those with the same [`Credentials`] log in one after the other, so that an account is not locked.
///
/// Memory: about 140 KiB for items and batches of any size, and what rustls needs for TLS.
///
/// # Cancel safety
/// The future of [`export`](Self::export) may be dropped at any `await`. The connection is then closed. Items that the sink
/// has committed stay committed, and the current item gets neither `commit` nor `abort`. The client can be used again.
pub struct Client<C: Connector = TcpConnector>(pub(crate) Session<C>);

impl Client {
    /// Makes a client from the options of a builder. It connects when it is used, over TCP and TLS.
    ///
    /// # Errors
    /// See [`ClientBuilder::build`].
    pub fn new(builder: ClientBuilder) -> Result<Self, BuildError> {
        Self::with_connector(builder, TcpConnector)
    }
}

impl<C: Connector> Client<C> {
    /// Makes a client whose connections come from `connector`, such as those of a Unix socket or of another TLS library.
    ///
    /// # Errors
    /// See [`ClientBuilder::build`].
    pub fn with_connector(builder: ClientBuilder, connector: C) -> Result<Self, BuildError> {
        builder.build_with(connector).map(Self)
    }

    /// Uses these credentials from the next request on.
    ///
    /// # Errors
    /// [`BuildError::PlaintextCredentials`]
    pub fn set_credentials(&mut self, credentials: Credentials) -> Result<(), BuildError> {
        self.0.set_credentials(credentials)
    }

    /// Returns whether this client has ever had a connection to the server.
    #[must_use]
    pub const fn has_connected(&self) -> bool {
        self.0.has_connected()
    }

    /// Returns the certificate, in DER, of the server at the other end of the connection that is kept.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&[u8]> {
        self.0.peer_certificate()
    }

    /// Exports `items` into `sink`. The request is sent again only where the server cannot have responded to it; see
    /// [`exportitems_std::Client::export`].
    ///
    /// # Errors
    /// See [`ClientError`]. After [`ClientError::Response`], the items that the sink committed are complete.
    pub async fn export<K>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[ItemId<'_>],
        sink: &mut K,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        K: AsyncSink + ?Sized,
        K::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        self.0.export_async(headers, items, sink, options).await
    }

    /// Uploads `items`, whose data `source` reads while they are sent, such as [`AsyncReaders`](crate::AsyncReaders).
    ///
    /// The sink gets [`begin`](AsyncSink::begin) with the id of each new item, and its `commit` when the response has
    /// confirmed it. The request is sent again only if the server cannot have received all of it; see
    /// [`exportitems_std::Client::upload`].
    ///
    /// # Errors
    /// See [`exportitems_std::Client::upload`].
    ///
    /// # Cancel safety
    /// If the future is dropped, the server may have stored items without reporting it.
    ///
    /// ```
    /// # use exportitems::{FolderId, Options, RequestHeaders, UploadItem};
    /// # use exportitems_std::client::AsyncSink;
    /// use exportitems_tokio::{AsyncReaders, Client};
    ///
    /// # async fn upload(
    /// #     client: &mut Client,
    /// #     sink: &mut impl AsyncSink<Error = std::io::Error>,
    /// # ) -> Result<(), Box<dyn std::error::Error>> {
    /// let payload = b"\x01\0\0\0\x08\0\0\0\0\0\0\0\x01\0\0\0";
    /// let items = [UploadItem::new(FolderId::new("AAMkAGYz+NAA="), payload.len() as u64)];
    /// let mut source = AsyncReaders::new(async |_| Ok(&payload[..]));
    /// let (headers, options) = (RequestHeaders::new(), Options::new());
    /// let answer = client.upload(&headers, &items, &mut source, sink, options).await?;
    /// println!("{} stored", answer.summary.ok);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn upload<K>(
        &mut self,
        headers: &RequestHeaders<'_>,
        items: &[UploadItem<'_>],
        source: &mut impl UploadSource,
        sink: &mut K,
        options: Options,
    ) -> Result<Answer, ClientError>
    where
        K: AsyncSink + ?Sized,
        K::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let session = &mut self.0;
        session
            .upload_async(headers, items, source, sink, options)
            .await
    }
}

impl<C: Connector> fmt::Debug for Client<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}
