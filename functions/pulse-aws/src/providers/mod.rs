//! The providers over HTTP and SES.
