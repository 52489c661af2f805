from django.db import migrations

# What has been written stays as it was: nobody changes or deletes a row, whatever the program that asks.
FORBID = """
CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger AS $$
BEGIN
  RAISE EXCEPTION 'The audit log is only added to.';
END
$$ LANGUAGE plpgsql;
CREATE TRIGGER accounts_audit_append_only BEFORE UPDATE OR DELETE ON accounts_auditevent
FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
"""
ALLOW = """
DROP TRIGGER accounts_audit_append_only ON accounts_auditevent;
DROP FUNCTION accounts_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [migrations.RunSQL(FORBID, ALLOW)]
