//! Replies that hold one page of a list, declared in a line each.

/// Declares the reply of a list operation. `numbered` ones carry the total that pages by number need;
/// `token` ones carry the next page's token, and a total that counts only where it is not 0.
///
/// An item is told from others by a field, or by a function of the item where no one field does.
macro_rules! page_of {
    ($(#[$doc:meta])* $page:ident { $field:ident: $name:literal of $item:ty } by $id:ident, $dialect:tt) => {
        $crate::cloud::api::paged::page_of! {
            @declare $(#[$doc])* $page { $field: $name of $item }
            |item| $crate::cloud::api::wire::element_id(item, |value: &$item| &value.$id), $dialect
        }
    };
    ($(#[$doc:meta])* $page:ident { $field:ident: $name:literal of $item:ty } by fn $id:path, $dialect:tt) => {
        $crate::cloud::api::paged::page_of! {
            @declare $(#[$doc])* $page { $field: $name of $item }
            |item| item.value().map($id).unwrap_or_default(), $dialect
        }
    };
    (@declare $(#[$doc:meta])* $page:ident { $field:ident: $name:literal of $item:ty } $id:expr, numbered) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $page {
            #[serde(rename = "TotalCount")]
            pub total_count: $crate::cloud::api::wire::Field<u64>,
            #[serde(rename = $name)]
            pub $field: $crate::cloud::api::wire::List<$item>,
        }

        impl $crate::cloud::page::Page for $page {
            type Item = $crate::cloud::api::wire::Field<$item>;
            type Head = $crate::cloud::api::wire::Problems;

            fn id(item: &Self::Item) -> String {
                let id: fn(&Self::Item) -> String = $id;
                id(item)
            }

            fn total(&self) -> Option<u64> {
                self.total_count.value().copied()
            }

            fn split(self) -> (Self::Head, Vec<Self::Item>) {
                let total = self.total();
                self.$field.into_page($name, total)
            }
        }
    };
    (@declare $(#[$doc:meta])* $page:ident { $field:ident: $name:literal of $item:ty } $id:expr, token) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(default)]
        pub struct $page {
            #[serde(rename = "TotalCount")]
            pub total_count: $crate::cloud::api::wire::Field<u64>,
            #[serde(rename = "NextToken")]
            pub next_token: $crate::cloud::api::wire::Field<String>,
            #[serde(rename = $name)]
            pub $field: $crate::cloud::api::wire::List<$item>,
        }

        impl $crate::cloud::page::Page for $page {
            type Item = $crate::cloud::api::wire::Field<$item>;
            type Head = $crate::cloud::api::wire::Problems;

            fn id(item: &Self::Item) -> String {
                let id: fn(&Self::Item) -> String = $id;
                id(item)
            }

            fn total(&self) -> Option<u64> {
                self.total_count.total_beside_token()
            }

            fn next_token(&self) -> Option<&str> {
                self.next_token.value().map(String::as_str)
            }

            // A list without anything in it may leave the key out; the total then says 0.
            fn split(self) -> (Self::Head, Vec<Self::Item>) {
                let total = self.total_count.value().copied();
                self.$field.into_page($name, total)
            }
        }
    };
}
pub(crate) use page_of;
