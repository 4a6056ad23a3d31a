-- Tables and functions of webhooks; its GRANTs stand at its end.
SELECT 1;
