-- Tables and functions of care; its GRANTs stand at its end.
SELECT 1;
