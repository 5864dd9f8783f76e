"""The admin site: base classes, lists, forms, charts and tables that the admin pages of all apps share."""
